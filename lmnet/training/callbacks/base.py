"""A callback that shares the run's state and acts once a step."""

from __future__ import annotations

from typing import Any

import keras

from lmnet.training.state import TrainingState


class StepCallback(keras.callbacks.Callback):
    """Calls ``after_step`` when a step is finished and counted, on one device, whatever shares the batch.

    Attributes:
        writes: whether it writes files, so that one process of several needs it.

    Args:
        state: shared by all callbacks of a run.
    """

    writes = False

    def __init__(self, state: TrainingState) -> None:
        super().__init__()
        self.state = state

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Act."""
        with self.state.strategy.alone():
            self.after_step()

    def after_step(self) -> None:
        """Act on the step that ``state`` describes."""
