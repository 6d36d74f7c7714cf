"""Stop before the last step: when validation gets no better, at the end of the time, or on Ctrl-C, twice at once."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any, Self

import numpy as np

from lmnet.training.callbacks.base import StepCallback
from lmnet.training.state import TrainingState

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopEarly(StepCallback):
    """Ends the run with the validation that is the ``early_stop``-th without a better mIoU."""

    def after_step(self) -> None:
        """Tell Keras to stop."""
        if self.state.ends_early:
            self.model.stop_training = True


class StopOnSignal(StepCallback):
    """A context manager that catches SIGINT and SIGTERM, and the callback that obeys them before the step is saved."""

    def __init__(self, state: TrainingState) -> None:
        super().__init__(state)
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Take over the signals; in another thread than the main one nothing can be caught."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._catch) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def after_step(self) -> None:
        """Tell Keras to stop, in every process where one is told to."""
        wanted = self.requested or time.monotonic() >= self.state.deadline
        if self.state.strategy.total(np.array(wanted, np.int64)):
            self.model.stop_training = self.state.stopped = True

    def _catch(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
