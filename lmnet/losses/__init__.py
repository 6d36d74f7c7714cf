"""What training makes small, by name. Names are known here without importing Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lmnet.errors import LmnetError
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
    """Return the loss that the settings name.

    Raises:
        LmnetError: a checkpoint could not keep it.
    """
    import keras

    made = imported(LOSSES[settings.loss])(settings, dataset)
    try:
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    except Exception as error:  # whatever Keras, or a user's constructor, has to say
        raise LmnetError(
            f"The loss {settings.loss} could not be read back from a checkpoint.",
            where="LOSS",
            expected="a class with get_config, registered by keras.saving.register_keras_serializable",
            received=type(made).__name__,
            fix="docs/plugins.md shows one",
        ) from error
    return made
