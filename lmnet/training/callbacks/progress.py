"""Report every step, with the speed and the time to the end of the whole run."""

from __future__ import annotations

import time
from typing import Any

from lmnet.training.callbacks.base import StepCallback
from lmnet.training.events import StepDone
from lmnet.training.state import TrainingState

SMOOTHING = 0.9


class Progress(StepCallback):
    """Speed is a running mean of the step times, without what other callbacks do after a step."""

    def __init__(self, state: TrainingState) -> None:
        super().__init__(state)
        self._begin = 0.0
        self._counted = 0
        self._seconds = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self._begin = time.monotonic()

    def after_step(self) -> None:
        """Report the step."""
        state, passed = self.state, time.monotonic() - self._begin
        # The first step compiles the graph: it says nothing of the speed once there is a second.
        keep = SMOOTHING if self._counted > 1 else 0.0
        self._seconds = keep * self._seconds + (1 - keep) * passed
        self._counted += 1
        every = state.settings.test_steps
        validations = -(-state.total_steps // every) - state.step // every + -(-state.steps_after // every)
        steps = state.total_steps - state.step + state.steps_after
        eta = steps * self._seconds + validations * state.validation_seconds
        state.report(
            StepDone(
                step=state.step,
                total_steps=state.total_steps,
                loss=state.loss,
                learning_rate=state.learning_rate,
                mean_iou=state.mean_iou,
                steps_per_second=1 / max(self._seconds, 1e-9),
                eta_seconds=eta,
            )
        )
