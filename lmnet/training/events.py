"""What a training run tells whoever watches it. Nothing here imports TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lmnet.datasets.base import Split
from lmnet.metrics.iou import Scores


@dataclass(frozen=True, slots=True)
class Started:
    """A network's run begins, or goes on after ``first_step`` finished steps; ``parameters`` are the trainable ones.

    The dataset was checked whole: ``validation`` is its validation split.
    """

    network: str
    total_steps: int
    first_step: int
    train_images: int
    validation_images: int
    classes: tuple[str, ...]
    parameters: int
    validation: Split


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step is finished.

    Attributes:
        step: finished steps so far, 1..total_steps.
        total_steps: steps of the whole run.
        loss: loss of this step's batch.
        learning_rate: rate of this step.
        mean_iou: of the last validation, 0..1; None before the first.
        steps_per_second: speed of the recent steps, without validation.
        eta_seconds: time to the end of the whole run: its validations, and the network's run after that of the twin.
        data_wait: share 0..1 of the time since the last recorded step that the loop waited for its data; None before
            the second step.
        gpu_bytes: most memory that tensors took on one GPU so far; None without a GPU.
    """

    step: int
    total_steps: int
    loss: float
    learning_rate: float
    mean_iou: float | None
    steps_per_second: float
    eta_seconds: float
    data_wait: float | None = None
    gpu_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Validated:
    """The whole validation split was measured after ``step`` steps, and the results are recorded; ``best`` when no
    earlier mIoU was higher.
    """

    step: int
    scores: Scores
    class_names: tuple[str, ...]
    best: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint is whole on disk."""

    step: int
    path: Path


Event = Started | StepDone | Validated | Saved


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """How a run ended.

    Attributes:
        step: finished steps.
        finished: False when the run was stopped from outside before its end.
        last: name of the newest checkpoint.
        best: name of the checkpoint with the highest validation mIoU; None before the first validation.
        mean_iou: validation mIoU of ``best``, 0..1.
        stopped_early: the run ended before its last step, since the last ``early_stop`` validations were no better.
    """

    step: int
    finished: bool
    last: str
    best: str | None
    mean_iou: float | None
    stopped_early: bool = False
