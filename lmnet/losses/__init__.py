"""What training makes small, by name. Names are known here without importing Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lmnet.registry import Registry, imported

if TYPE_CHECKING:
    import keras

    from lmnet.datasets.base import Dataset
    from lmnet.settings import Settings

LossBuilder = Callable[["Settings", "Dataset"], "keras.losses.Loss"]
"""Makes the loss of a run; it reads masks uint8 [N, H, W] (255 void) and logits float [N, H, W, C]."""

LOSSES: Registry[LossBuilder | str] = Registry(
    "loss",
    {
        "class_balanced_crossentropy": "lmnet.losses.crossentropy:class_balanced",
        "weighted_crossentropy": "lmnet.losses.crossentropy:weighted",
    },
)
"""Builders by name, or ``module:function`` where they are."""


def build(settings: Settings, dataset: Dataset) -> keras.losses.Loss:
    """Return the loss that the settings name."""
    return imported(LOSSES[settings.loss])(settings, dataset)
