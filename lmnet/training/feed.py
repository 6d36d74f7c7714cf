"""The training batches as Keras wants them: item i is the batch of global step ``first_step + i``."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import keras

from lmnet.datasets.feeder import Batch, batch_for_step
from lmnet.training.state import TrainingState

MOST_WORKERS = 8
AHEAD = 2
"""Batches that each worker makes ahead of the loop."""

KEPT = 2
"""Batches kept after the loop took them: Keras looks at the first two before it begins, and asks for them again."""


class StepBatches(keras.utils.PyDataset):
    """Batches of the remaining steps, a pure function of the step; threads make them ahead of the loop.

    Keras has a queue of its own, but looks at some batches before it begins, and on several devices or in JAX its queue
    then hands out what that left over as the first batches of the run. With its one worker it has no queue, and asks
    for each batch by its number.

    Attributes:
        error: what went wrong in a worker, for Keras tells it in its own words only.
    """

    def __init__(self, state: TrainingState) -> None:
        super().__init__(workers=1)
        self.dataset = state.dataset
        self.settings = state.settings
        self.rows = state.strategy.rows(state.settings.batch_size)
        self.first_step = state.first_step
        self.total_steps = state.total_steps
        self.error: Exception | None = None
        self._ready: dict[int, float] = {}
        workers = min(MOST_WORKERS, max(1, (os.cpu_count() or 1) - 1))
        self._ahead = AHEAD * workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="batches")
        self._coming: dict[int, Future[Batch]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of steps left."""
        return self.total_steps - self.first_step

    def __getitem__(self, index: int) -> Batch:
        """Return images float32 [B,H,W,3] and masks uint8 [B,H,W] of a step, those of this process."""
        with self._lock:
            for i in range(index, min(index + 1 + self._ahead, len(self))):
                if i not in self._coming:
                    self._coming[i] = self._threads.submit(self._make, i)
            for passed in [i for i in self._coming if i < index - KEPT]:
                del self._coming[passed]
            coming = self._coming[index]
        return coming.result()

    def ready(self, step: int) -> float:
        """Return when the batch of a step, 1..total_steps, was ready, time.monotonic(); once a step."""
        return self._ready.pop(step - self.first_step - 1)

    def close(self) -> None:
        """Make no more batches."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _make(self, index: int) -> Batch:
        try:
            batch = batch_for_step(self.dataset, self.settings, self.first_step + index, self.rows)
        except Exception as error:
            self.error = error
            raise
        self._ready[index] = time.monotonic()
        return batch
