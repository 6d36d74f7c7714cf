"""Keep the state: step, loss and learning rate of the step that was just done."""

from __future__ import annotations

import time
from typing import Any

from lmnet.training.callbacks.base import StepCallback


class Count(StepCallback):
    """Comes first: the other callbacks read what it writes."""

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Note time and rate of this step; reset Keras' running mean, so that the loss is that of the step alone."""
        self.state.begun = time.monotonic()
        self.state.learning_rate = float(self.model.optimizer.learning_rate)
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the step into the state."""
        self.state.step = self.state.first_step + batch + 1
        self.state.loss = float((logs or {})["loss"])
        self.state.validation = None
        self.state.is_best = False
