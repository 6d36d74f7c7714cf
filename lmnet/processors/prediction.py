"""The JSON text of predictions: version 0.2 of the format, as the first Blueoil wrote it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lmnet.processors.pre import resize_classes

if TYPE_CHECKING:  # absent from the numpy of Debian 11
    from numpy.typing import NDArray

VERSION = 0.2


def segmentation_prediction(
    classes: NDArray[np.uint8], names: Sequence[str], size: tuple[int, int]
) -> list[dict[str, Any]]:
    """Return one entry a class: its id and name, and its mask as a base64 PNG (8-bit grey, 0 or 255).

    Args:
        classes: uint8 [h,w], the class map of the network's size.
        names: C class names.
        size: (height, width) of the original image; the masks have this size (nearest neighbour).
    """
    resized = resize_classes(classes, size)
    return [
        {"class": {"id": i, "name": name}, "mask": _png_text((resized == i).astype(np.uint8) * 255)}
        for i, name in enumerate(names)
    ]


def segmentation_result(
    file_path: str, classes: NDArray[np.uint8], names: Sequence[str], size: tuple[int, int]
) -> dict[str, Any]:
    """Return the entry of one image for ``prediction_json``; arguments as in ``segmentation_prediction``."""
    return {"file_path": file_path, "prediction": segmentation_prediction(classes, names, size)}


def prediction_json(
    task: str,
    classes: Sequence[str],
    results: Sequence[dict[str, Any]],
    benchmark: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the whole document, made of what ``json.dumps`` takes.

    Args:
        task: such as ``IMAGE.SEMANTIC_SEGMENTATION``.
        classes: class names in the order of their ids.
        results: entries as of ``segmentation_result``, one an image.
        benchmark: times of the run, as measured; empty by default.
    """
    return {
        "version": VERSION,
        "task": task,
        "classes": [{"id": i, "name": name} for i, name in enumerate(classes)],
        "date": datetime.now().astimezone().isoformat(),
        "results": list(results),
        "benchmark": dict(benchmark or {}),
    }


def _png_text(mask: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
