"""``meta.yaml``: what one must know to feed the exported network and to read its output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from lmnet.settings import Settings

FORMAT_VERSION = 1
TASKS = {"semantic_segmentation": "IMAGE.SEMANTIC_SEGMENTATION"}


def meta(settings: Settings, classes: Sequence[str], experiment: str, checkpoint: str) -> dict[str, Any]:
    """Return the content of meta.yaml, plain lists, strings and numbers only."""
    size = list(settings.image_size)
    return {
        "version": FORMAT_VERSION,
        "experiment": experiment,
        "checkpoint": checkpoint,
        "network": settings.network,
        "TASK": TASKS[settings.task],
        "CLASSES": list(classes),
        "DATA_FORMAT": "NHWC",
        "IMAGE_SIZE": size,
        "PRE_PROCESSOR": [{"Resize": {"size": size, "resample": "NEAREST"}}, {settings.preprocessor: None}],
        "POST_PROCESSOR": None,
    }


def meta_text(settings: Settings, classes: Sequence[str], experiment: str, checkpoint: str) -> str:
    """Return meta.yaml as text."""
    content = meta(settings, classes, experiment, checkpoint)
    return yaml.dump(content, Dumper=_Plain, sort_keys=False, allow_unicode=True)


class _Plain(yaml.SafeDumper):
    """Writes a list twice instead of an anchor and a reference to it."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return that nothing is referred to."""
        return True
