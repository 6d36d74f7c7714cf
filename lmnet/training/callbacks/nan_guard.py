"""Stop as soon as a number is no number."""

from __future__ import annotations

import math

import keras
import numpy as np

from lmnet.errors import LmnetError
from lmnet.training.callbacks.base import StepCallback
from lmnet.training.state import TrainingState


class NanGuard(StepCallback):
    """Raises LmnetError at the first loss that is not finite; earlier checkpoints stay."""

    def after_step(self) -> None:
        """Look at the loss."""
        if not math.isfinite(self.state.loss):
            raise diverged(self.state, "the loss", str(self.state.loss))


def check_weights(model: keras.Model, state: TrainingState) -> None:
    """Raise LmnetError where a weight is not finite: such a checkpoint must not be written."""
    for weight in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
            raise diverged(state, f"the weight {weight.path}", "values that are not finite")


def diverged(state: TrainingState, what: str, received: str) -> LmnetError:
    """Return the error that names the step and what to try."""
    kept = f"the checkpoint {state.last} is kept" if state.last else "no checkpoint was written yet"
    return LmnetError(
        f"Training has diverged at step {state.step}: {what} is not finite ({kept}).",
        where=f"step {state.step}",
        expected="finite numbers",
        received=received,
        fix=f"lower LEARNING_RATE (now {state.settings.learning_rate:g}) to a tenth and start a new run",
    )
