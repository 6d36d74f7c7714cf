"""Where a run stands: written by a few callbacks, read by the others."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from lmnet.datasets.base import Dataset, Split
from lmnet.evaluation.pictures import pictures
from lmnet.metrics.iou import Scores
from lmnet.settings import Settings
from lmnet.training.events import Event
from lmnet.training.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Validation:
    """Result of one exact validation pass: scores, and the mean loss over the images."""

    scores: Scores
    loss: float


class Clock:
    """Time and CPU time of a run over all its starts, seconds; those before this process are given."""

    def __init__(self, seconds: float = 0.0, cpu_seconds: float = 0.0) -> None:
        self._begin = time.monotonic() - seconds
        self._cpu_begin = time.process_time() - cpu_seconds

    @property
    def seconds(self) -> float:
        """Time so far."""
        return time.monotonic() - self._begin

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all threads so far."""
        return time.process_time() - self._cpu_begin


@dataclass(slots=True)
class TrainingState:
    """The run and its progress.

    Attributes:
        settings: the run's settings.
        dataset: checked dataset.
        folder: experiment folder.
        report: told every event.
        total_steps: steps of the whole run.
        strategy: the devices that share each batch.
        deadline: reading of time.monotonic() after which the run is saved and stopped.
        steps_after: steps of the run that follows this one.
        evaluator: the network in float32 at the image size, for validation; ``Validate`` gives it the weights.
        first_step: finished steps when this process began.
        step: finished steps.
        loss: loss of the last step.
        learning_rate: rate of the last step.
        data_wait: share of the time since the last recorded step that the loop waited for its data; None before the
            second step.
        asked: when the loop turned to this step's batch, time.monotonic().
        begun: when the step began: TensorFlow takes the batch inside the step, other backends before it.
        validation: the validation after this very step; None if there was none.
        pictures: of the validation images, after the last validation; see lmnet/evaluation/pictures.py.
        validation_seconds: duration of the last validation pass.
        mean_iou: of the last validation.
        best: name of the best checkpoint so far, and its mIoU.
        best_mean_iou: highest mIoU so far.
        validations_since_best: validations after that of ``best``.
        is_best: this step's validation was the best.
        last: name of the newest checkpoint.
        stopped: a signal or the end of the time asked for a stop.
        clock: what the run has taken so far.
    """

    settings: Settings
    dataset: Dataset
    folder: Path
    report: Callable[[Event], None]
    total_steps: int
    strategy: Strategy = field(default_factory=Strategy)
    deadline: float = math.inf
    steps_after: int = 0
    evaluator: keras.Model | None = None
    first_step: int = 0
    step: int = 0
    loss: float = float("nan")
    learning_rate: float = 0.0
    data_wait: float | None = None
    asked: float = 0.0
    begun: float = 0.0
    validation: Validation | None = None
    pictures: dict[str, NDArray[np.uint8]] | None = None
    validation_seconds: float = 0.0
    mean_iou: float | None = None
    best: str | None = None
    best_mean_iou: float | None = None
    validations_since_best: int = 0
    is_best: bool = False
    last: str | None = None
    stopped: bool = False
    clock: Clock = field(default_factory=Clock)

    @property
    def is_last_step(self) -> bool:
        """The run has just finished its last step."""
        return self.step >= self.total_steps

    @property
    def ends_early(self) -> bool:
        """``early_stop`` validations in a row were no better than the best one."""
        limit = self.settings.early_stop
        return limit is not None and self.validations_since_best >= limit

    @property
    def is_over(self) -> bool:
        """There is nothing left to do: the last step is done, or the run ends early."""
        return self.is_last_step or self.ends_early

    @property
    def is_summary_step(self) -> bool:
        """This step is recorded: every ``summarise_steps``-th, and the last."""
        return self.step % self.settings.summarise_steps == 0 or self.is_last_step

    @property
    def epoch(self) -> float:
        """Passes over the training images so far."""
        return self.step * self.settings.batch_size / len(self.dataset.train)

    def show(self, split: Split) -> dict[str, NDArray[np.uint8]]:
        """Return what the network, as validation ran it, makes of a few images: see lmnet/evaluation/pictures.py."""
        assert self.evaluator is not None  # noqa: S101 - validation comes before its pictures
        return pictures(self.evaluator.predict_on_batch, split, self.settings.preprocessor, self.dataset.classes)
