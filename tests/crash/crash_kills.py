"""Train and convert, killed again and again: what was saved stays, and the next command works."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from crash_fork import Kill, Outcome, blueoil
from crash_state import same, saved_steps, weights, whole_checkpoints, whole_package

from lmnet.datasets.sample import draw_dataset

TRAIN = ["train", "-c", "config.yaml", "-e", "run"]
CONVERT = ["convert", "-e", "run", "--target", "x86"]
STEPS = 8
_CONFIG = f"""\
TRAIN_PATH: CamVid
VALIDATION_PATH: CamVid
IMAGE_SIZE: [16, 16]
BATCH_SIZE: 2
OPTIMIZER: Adam
MAX_STEPS: {STEPS}
SAVE_CHECKPOINT_STEPS: 1
KEEP_CHECKPOINT_MAX: 2
TEST_STEPS: 4
SUMMARISE_STEPS: 1
"""
_AT_ONCE = 0.35
"""Share of the kills that come right before a file operation; as many more come within milliseconds after one."""


@dataclass(slots=True)
class Tally:
    """What came of the kills."""

    kills: int = 0
    lost_checkpoints: int = 0
    half_written: int = 0
    failed_next_commands: int = 0
    other_weights: int = 0
    whole_runs: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def fault(self, name: str, words: str) -> None:
        """Count a fault and keep its words."""
        setattr(self, name, getattr(self, name) + 1)
        self.told.append(f"kill {self.kills}: {words}")


def prepare(folder: Path) -> None:
    """Write the dataset and the config of the small network."""
    draw_dataset(folder / "CamVid", train=4, validation=2, size=(32, 32))
    (folder / "config.yaml").write_text(_CONFIG, encoding="utf-8")


def must(outcome: Outcome) -> Outcome:
    """Return how a command ended that had to end well."""
    assert outcome.code == 0, f"exit code {outcome.code}: {outcome.output[-2000:]}"
    return outcome


def moment(whole: Outcome, chance: random.Random) -> tuple[str, Kill]:
    """Return a random moment of a command that ran as ``whole`` did, and what kind of moment it is."""
    share = chance.random()
    if share < 2 * _AT_ONCE:
        operation = chance.randint(1, max(1, whole.operations))
        late = share >= _AT_ONCE
        return ("after an operation" if late else "before an operation"), Kill(
            chance.uniform(0.0005, 0.02) if late else 0.0, operation
        )
    return "any time", Kill(chance.uniform(0, whole.seconds))


def kill_training(folder: Path, kills: int, chance: random.Random, *, compares: bool = True) -> Tally:
    """Kill training runs; every run that comes to its end must end with the weights of an unbroken one.

    compares: False spares the unbroken run, whose length is then guessed.
    """
    tally = Tally()
    experiment = folder / "saved" / "run"
    whole = Outcome(0, "", 5.0, 120)
    reference = None
    if compares:
        whole = must(blueoil(TRAIN, folder))
        reference = weights(whole_checkpoints(experiment)[STEPS])
        shutil.rmtree(experiment)
    newest = 0
    while tally.kills < kills:
        kind, kill = moment(whole, chance)
        outcome = blueoil(TRAIN, folder, kill)
        newest = max([newest, *saved_steps(outcome.output)])
        if outcome.code is None:
            tally.kills += 1
            tally.moments[kind] += 1
        elif outcome.code != 0:
            tally.fault("failed_next_commands", f"exit code {outcome.code}: {outcome.output[-600:]}")
        try:
            found = whole_checkpoints(experiment)
        except (AssertionError, OSError, ValueError, KeyError) as error:
            tally.fault("half_written", f"{kind}: {error}")
            shutil.rmtree(experiment)
            newest = 0
            continue
        if newest > max(found, default=0):
            tally.fault("lost_checkpoints", f"{kind}: save.ckpt-{newest} was saved, and {sorted(found)} are there")
        if outcome.code == 0:
            tally.whole_runs += 1
            if reference is not None and not same(weights(found[STEPS]), reference):
                tally.fault("other_weights", "a run that was killed ended with other weights")
        if outcome.code is not None:
            shutil.rmtree(experiment, ignore_errors=True)
            newest = 0
    must(blueoil(TRAIN, folder))
    return tally


def kill_converting(folder: Path, kills: int, chance: random.Random) -> Tally:
    """Kill conversions of a trained network; there is always a whole package, or none before the first one."""
    tally = Tally()
    export = folder / "saved" / "run" / "export" / _best(folder) / "16x16"
    whole = must(blueoil(CONVERT, folder))
    while tally.kills < kills:
        kind, kill = moment(whole, chance)
        outcome = blueoil(CONVERT, folder, kill)
        if outcome.code is None:
            tally.kills += 1
            tally.moments[kind] += 1
        elif outcome.code == 0:
            tally.whole_runs += 1
        else:
            tally.fault("failed_next_commands", f"exit code {outcome.code}: {outcome.output[-600:]}")
        try:
            whole_package(export)
        except (AssertionError, OSError, ValueError, KeyError) as error:
            tally.fault("half_written", f"{kind}: {error}")
    must(blueoil(CONVERT, folder))
    assert whole_package(export)
    return tally


def _best(folder: Path) -> str:
    return (folder / "saved" / "run" / "best").read_text(encoding="utf-8").strip()
