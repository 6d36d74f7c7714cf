"""How the learning rate falls: the five schedules, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, ops
from keras.optimizers.schedules import CosineDecay, LearningRateSchedule

from lmnet import limits
from lmnet.errors import LmnetError
from lmnet.settings import Settings


@keras.saving.register_keras_serializable("lmnet")
class PiecewiseConstant(LearningRateSchedule):
    """``values[i]`` while step <= ``boundaries[i]``, the last value after the last boundary.

    Args:
        values: learning rates, one more than boundaries.
        boundaries: steps, rising; step 0 is the first.
    """

    def __init__(self, values: Sequence[float], boundaries: Sequence[int]) -> None:
        if len(values) != len(boundaries) + 1:
            raise ValueError(f"Expected one value more than boundaries. Received: {len(values)}, {len(boundaries)}")
        self.values = list(values)
        self.boundaries = list(boundaries)

    def __call__(self, step: KerasTensor | int) -> KerasTensor:
        """Return the learning rate, a float32 scalar, of this step."""
        step = ops.cast(step, "int32")  # int64 would be told as unavailable by JAX
        rate = ops.convert_to_tensor(self.values[0], "float32")
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            rate = ops.where(step > boundary, ops.convert_to_tensor(value, "float32"), rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"values": self.values, "boundaries": self.boundaries}


def make_schedule(settings: Settings, train_images: int) -> LearningRateSchedule:
    """Return the learning-rate schedule of a run.

    With spe steps an epoch and E epochs, the stepped schedules keep their last rate for the last epoch: they fall at
    equal parts of spe * (E - 1). A run of MAX_STEPS shorter than two epochs is itself divided into equal parts.

    Args:
        settings: rate, schedule, batch size and length of the run.
        train_images: images of the training set.

    Raises:
        LmnetError: MAX_STEPS gives too few epochs for the warm-up.
    """
    rate, per_epoch = settings.learning_rate, train_images / settings.batch_size
    total_steps = settings.total_steps(train_images)
    name = settings.learning_rate_schedule
    if name == "constant":
        return PiecewiseConstant([rate], [])
    if name == "cosine":
        return CosineDecay(rate, total_steps)
    epochs = settings.max_epochs if settings.max_steps is None else settings.max_steps / per_epoch
    assert epochs is not None  # noqa: S101 - held by Settings
    parts = 2 if name == "2-step-decay" else 3
    falling = per_epoch * (epochs - 1) if epochs >= limits.LEAST_EPOCHS["2-step-decay"] else total_steps
    boundaries = [int(falling * i / parts) for i in range(1, parts + 1)]
    values = [rate / 10**i for i in range(parts + 1)]
    if name != limits.WARM_UP:
        return PiecewiseConstant(values, boundaries)
    try:
        limits.check_epochs(name, epochs)
    except ValueError as error:
        raise LmnetError(
            f"The run is too short for the learning-rate schedule {name}.",
            where="LEARNING_RATE_SCHEDULE",
            expected=str(error),
            received=f"{epochs:g} epochs",
            fix="train for more steps, or take the schedule constant or cosine",
        ) from None
    return PiecewiseConstant([rate / 1000, *values], [int(per_epoch), *boundaries])
