"""Report every step: the speed, the time to the end of the whole run, and how long the loop waited for its data."""

from __future__ import annotations

import time
from typing import Any

from lmnet.training.callbacks.base import StepCallback
from lmnet.training.events import StepDone
from lmnet.training.feed import StepBatches
from lmnet.training.gpu import peak_bytes
from lmnet.training.state import TrainingState

SMOOTHING = 0.9


class Turn(StepCallback):
    """Comes last, and so knows when the loop turns to the next batch: one that is not ready by then is waited for."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Note when the first batch is asked for."""
        self.after_step()

    def after_step(self) -> None:
        """Note when the next batch is asked for."""
        self.state.asked = time.monotonic()


class Progress(StepCallback):
    """Speed is a running mean of the step times, without what other callbacks do after a step.

    Args:
        state: shared by all callbacks of a run.
        batches: tell when each batch was ready.
    """

    def __init__(self, state: TrainingState, batches: StepBatches) -> None:
        super().__init__(state)
        self._batches = batches
        self._counted = 0
        self._seconds = 0.0
        self._since_record = [0.0, 0.0]  # seconds waited, seconds in all

    def after_step(self) -> None:
        """Report the step."""
        state = self.state
        ready = max(state.begun, self._batches.ready(state.step))
        passed = time.monotonic() - state.asked
        self._count(min(max(0.0, ready - state.asked), passed), passed)
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
                data_wait=state.data_wait,
                gpu_bytes=peak_bytes(),
            )
        )

    def _count(self, waited: float, passed: float) -> None:
        """Take in the times of a step. The first one compiles the graph: it says nothing once there is a second."""
        keep = SMOOTHING if self._counted > 1 else 0.0
        self._seconds = keep * self._seconds + (1 - keep) * passed
        self._counted += 1
        if self._counted == 1:
            return
        sums = self._since_record
        sums[:] = sums[0] + waited, sums[1] + passed
        self.state.data_wait = sums[0] / max(sums[1], 1e-9)
        if self.state.is_summary_step:
            sums[:] = 0.0, 0.0
