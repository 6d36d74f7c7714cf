"""The training batches as Keras wants them: item i is the batch of global step ``first_step + i``."""

from __future__ import annotations

import os
import time

import keras
import numpy as np
from numpy.typing import NDArray

from lmnet.datasets.feeder import batch_for_step
from lmnet.training.state import TrainingState

FEWEST_WORKERS, MOST_WORKERS = 2, 8
"""Keras makes batches ahead with two threads or more; with one, each is made when the loop asks for it."""


class StepBatches(keras.utils.PyDataset):
    """Batches of the remaining steps, a pure function of the step; threads prepare them ahead, order kept.

    Attributes:
        error: what went wrong in a worker, for Keras tells it in its own words only.
    """

    def __init__(self, state: TrainingState) -> None:
        workers = min(MOST_WORKERS, max(FEWEST_WORKERS, (os.cpu_count() or 1) - 1))
        super().__init__(workers=workers, max_queue_size=2 * workers)
        self.dataset = state.dataset
        self.settings = state.settings
        self.rows = state.strategy.rows(state.settings.batch_size)
        self.first_step = state.first_step
        self.total_steps = state.total_steps
        self.error: Exception | None = None
        self._ready: dict[int, float] = {}

    def __len__(self) -> int:
        """Return the number of steps left."""
        return self.total_steps - self.first_step

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return images float32 [B,H,W,3] and masks uint8 [B,H,W] of a step, those of this process."""
        try:
            batch = batch_for_step(self.dataset, self.settings, self.first_step + index, self.rows)
        except Exception as error:
            self.error = error
            raise
        self._ready[index] = time.monotonic()
        return batch

    def ready(self, step: int) -> float:
        """Return when the batch of a step, 1..total_steps, was ready, time.monotonic(); once a step."""
        return self._ready.pop(step - self.first_step - 1)
