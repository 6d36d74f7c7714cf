"""What it took to get a network's weights: the training that ended with them, and those that it began from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blueoil.experiment import RECORD, Experiment, step_of
from blueoil.records import read_json
from lmnet.training.folder import FLOAT, STATE

if TYPE_CHECKING:
    from lmnet.settings import Settings


@dataclass(frozen=True, slots=True)
class Effort:
    """Steps and seconds of trainings; ``cpu_seconds`` are those of all threads."""

    steps: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def __add__(self, other: Effort) -> Effort:
        """Return both together."""
        return Effort(self.steps + other.steps, self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)


def so_far(run: Path) -> Effort:
    """Return the effort of a run folder up to its newest checkpoint; none where there is no checkpoint."""
    found = sorted((run / "checkpoints").glob("save.ckpt-*"), key=lambda folder: step_of(folder.name))
    return _up_to(found[-1]) if found else Effort()


def before(run: Path, settings: Settings) -> Effort:
    """Return the effort behind the weights that a run began with: that of its float twin, or of the checkpoint of its
    warm start and of all before it. New weights, and a checkpoint that is gone, have none.

    Raises:
        BlueoilError: the record or config of an earlier run can't be used.
    """
    start = settings.warm_start
    if start is None:
        return so_far(run / FLOAT)
    folder = start.resolve().parent.parent
    if not (folder / RECORD).is_file():  # a float twin's, or brought along without its run
        return _up_to(start)
    earlier = Experiment(folder.parent, folder.name)
    if packed := earlier.environment.get("zoo"):
        return _up_to(start) + Effort(packed.get("steps_before", 0))
    return _up_to(start) + before(earlier.folder, earlier.settings())


def _up_to(checkpoint: Path) -> Effort:
    file = checkpoint / STATE
    if not file.is_file():
        return Effort()
    state = read_json(file)
    return Effort(state["step"], state.get("seconds", 0.0), state.get("cpu_seconds", 0.0))
