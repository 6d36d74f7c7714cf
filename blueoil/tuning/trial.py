"""One trial: an ordinary experiment that tells how well it does, and the record that outlives it."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blueoil import samples, tensorflow_start
from blueoil.experiment import Experiment
from blueoil.files import write_text
from blueoil.preparation import make
from blueoil.tuning import space

if TYPE_CHECKING:
    from lmnet.training.events import Event

RECORD, LOG = "trial.json", "error.log"


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a trial.

    Attributes:
        trial: its number, from 1, the id of its experiment.
        values: what was drawn for it.
        mean_iou: highest validation mIoU so far, 0..1; None before the first validation.
        step: of that validation.
        share: share of the run that is done, 0..1.
        error: why it failed.
    """

    trial: int
    values: dict[str, Any]
    mean_iou: float | None = None
    step: int = 0
    share: float = 0.0
    error: str | None = None

    @property
    def state(self) -> str:
        """How it ended, in a word."""
        return "failed" if self.error else "finished" if self.share >= 1 else "stopped" if self.step else "not begun"


def read(folder: Path) -> Record | None:
    """Return the record in the folder of a trial, None where it has not come to one."""
    file = folder / RECORD
    return Record(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


@dataclass(frozen=True, slots=True)
class Job:
    """What a process needs to run trials: where they go, and the config that their values win over."""

    root: Path
    config: Path
    overrides: tuple[str, ...]
    plugins: tuple[Path, ...]


def run(job: Job, number: int, values: dict[str, Any], told: Callable[[Record], None]) -> None:
    """Train trial ``number`` as an experiment of its own; tell each validation once what it measured is saved.

    A trial that cannot be trained is a failed one, not an error: the others go on.
    """
    teller = Teller(job.root / str(number), Record(number, values), told)
    try:
        _train(job, number, teller)
    except Exception as error:
        teller.fail(str(getattr(error, "what", None) or f"{type(error).__name__}: {error}"))
        if not hasattr(error, "exit_code"):
            write_text(job.root / str(number) / LOG, traceback.format_exc())


def _train(job: Job, number: int, teller: Teller) -> None:
    words = [*job.overrides, *space.words(teller.record.values)]
    experiment, settings = make(Experiment(job.root, str(number)), job.config, words, job.plugins)
    with experiment.lock():
        experiment.record_start()
        tensorflow_start.start()
        from lmnet.training.events import Started
        from lmnet.training.trainer import train

        def report(event: Event) -> None:
            if isinstance(event, Started):
                samples.keep(experiment.folder, event.validation)
                teller.begin(event.total_steps if event.network == settings.network else None)
            teller(event)

        train(settings, experiment.folder, report=report)
        teller.tell()


class Teller:
    """Makes records of the trainer's events.

    The best checkpoint of a validation is saved after it: the record waits for the next event, for whoever is told it
    may end the process.

    Args:
        folder: of the trial, where its record lies.
        record: with number and values.
        told: called with each new record.
    """

    def __init__(self, folder: Path, record: Record, told: Callable[[Record], None]) -> None:
        self.record = record
        self._folder = folder
        self._told = told
        self._waiting: Record | None = None
        self._steps: int | None = None

    def begin(self, steps: int | None) -> None:
        """Count what follows as a run of so many steps; none: as that of a float twin, which is not measured."""
        self._steps = steps

    def __call__(self, event: Event) -> None:
        """Follow the run."""
        from lmnet.training.events import Validated

        if not isinstance(event, Validated):
            self.tell()
        elif self._steps is not None:
            mean_iou = event.scores.mean_iou
            better = self.record.mean_iou is None or mean_iou > self.record.mean_iou
            best = replace(self.record, mean_iou=mean_iou, step=event.step) if better else self.record
            self._waiting = replace(best, share=event.step / self._steps)

    def tell(self) -> None:
        """Tell what was measured last, if it is not told yet."""
        if self._waiting is not None:
            self.record, self._waiting = self._waiting, None
            self._write()
            self._told(self.record)

    def fail(self, error: str) -> None:
        """Record that the trial failed; what is not told yet does not count, for its checkpoint was not saved."""
        self.record = replace(self.record, error=error)
        self._write()

    def _write(self) -> None:
        write_text(self._folder / RECORD, json.dumps(asdict(self.record)) + "\n")


def best_first(records: Sequence[Record]) -> list[Record]:
    """Return records by their mIoU, the highest first, those without one last."""
    return sorted(records, key=lambda record: (record.mean_iou is None, -(record.mean_iou or 0.0), record.trial))
