"""Checkpoints on disk: ``checkpoints/save.ckpt-N/{model.keras,state.json}``, whole or absent.

A checkpoint is written beside its place and renamed, so a killed process leaves at most a hidden folder, which the next
run removes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras

from lmnet import layers, quantizers, schedules  # noqa: F401 - a saved model names their classes
from lmnet.errors import LmnetError
from lmnet.losses import crossentropy  # noqa: F401 - likewise
from lmnet.training.folder import BEST, MODEL, STATE

FORMAT_VERSION = 1
FOLDER = "checkpoints"
_NAME = re.compile(r"save\.ckpt-(\d+)")
_UNFINISHED = ".unfinished-"


@dataclass(frozen=True, slots=True)
class CheckpointState:
    """What a checkpoint knows beside weights and optimizer.

    Attributes:
        step: finished steps.
        network: name of the network.
        classes: class names in the order of the outputs.
        train_images: images of the training set: with the seed, they decide the order of the data.
        mean_iou: of the last validation before it.
        best: name of the best checkpoint at that time, possibly this one.
        best_mean_iou: mIoU of ``best``.
        seconds: time that the run has taken so far, over all its starts; validation included.
        cpu_seconds: the same as CPU time of all threads.
        validations_since_best: validations after that of ``best``; 0 in checkpoints of 0.1.0, which did not count them.
    """

    step: int
    network: str
    classes: tuple[str, ...]
    train_images: int
    mean_iou: float | None
    best: str | None
    best_mean_iou: float | None
    seconds: float = field(default=0.0, compare=False)
    cpu_seconds: float = field(default=0.0, compare=False)
    validations_since_best: int = 0


def name_of(step: int) -> str:
    """Return the name of the checkpoint after ``step`` steps."""
    return f"save.ckpt-{step}"


def list_steps(folder: Path) -> list[int]:
    """Return the steps of the checkpoints in a ``checkpoints`` folder, ascending."""
    if not folder.is_dir():
        return []
    matches = (_NAME.fullmatch(path.name) for path in folder.iterdir() if path.is_dir())
    return sorted(int(match[1]) for match in matches if match)


def save(model: keras.Model, folder: Path, state: CheckpointState) -> Path:
    """Write a checkpoint and return its path; on return it is whole and on disk."""
    target = folder / name_of(state.step)
    unfinished = folder / f"{_UNFINISHED}{target.name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    with _on_one_device(model):
        model.save(unfinished / MODEL)
    facts = {"version": FORMAT_VERSION, **asdict(state), "sha256": _digest(unfinished / MODEL)}
    (unfinished / STATE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    for path in (unfinished / MODEL, unfinished / STATE, unfinished):
        _flush(path)
    if target.exists():
        replaced = folder / f"{_UNFINISHED}replaced-{target.name}"
        shutil.rmtree(replaced, ignore_errors=True)
        target.rename(replaced)
    unfinished.rename(target)
    _flush(folder)
    discard_unfinished(folder)
    return target


def load(path: Path, *, compiled: bool = True) -> tuple[keras.Model, CheckpointState]:
    """Return model and state of a checkpoint.

    Args:
        path: the folder ``save.ckpt-N``.
        compiled: with optimizer and loss, to train on; else for prediction only.

    Raises:
        LmnetError: a file is missing, damaged, or of another version.
    """
    if not _NAME.fullmatch(path.name):
        raise LmnetError(
            f"{path} is no checkpoint.",
            expected="a folder save.ckpt-N of a run's checkpoints",
            fix=f"{path / FOLDER / name_of(1000)}, with a number that is there" if (path / FOLDER).is_dir() else None,
        )
    whole = False
    try:
        facts = dict(json.loads((path / STATE).read_text(encoding="utf-8")))
        if (version := facts.pop("version")) != FORMAT_VERSION:
            raise LmnetError(
                f"The checkpoint {path.name} was written by another version of Blueoil.",
                where=str(path / STATE),
                expected=f"format {FORMAT_VERSION}",
                received=f"format {version}",
                fix="use it with the version that wrote it, or train again",
            )
        if facts.pop("sha256") != _digest(path / MODEL):
            raise ValueError(f"{MODEL} is damaged: its checksum is not the one in {STATE}")
        state = CheckpointState(**(facts | {"classes": tuple(facts["classes"])}))
        if path.name != name_of(state.step):
            raise ValueError(f"it is the checkpoint of step {state.step}, renamed")
        whole = True
        model = keras.models.load_model(path / MODEL, compile=compiled)
        if compiled:
            step = int(keras.ops.convert_to_numpy(model.optimizer.iterations))
            if step != state.step:
                raise ValueError(f"the optimizer is at step {step}, {STATE} at {state.step}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LmnetError(
            f"The checkpoint {path.name} cannot be read: {error}",
            where=str(path),
            expected=f"{MODEL} and {STATE} as training wrote them",
            fix="its files are whole: look for what wrote them, another version of Blueoil or Keras, or of a plugin"
            if whole
            else f"remove the folder {path.name}; the run then goes on from the checkpoint before it",
        ) from error
    return model, state


def last(folder: Path) -> Path | None:
    """Return the newest checkpoint of a ``checkpoints`` folder, or None."""
    steps = list_steps(folder)
    return folder / name_of(steps[-1]) if steps else None


def write_best(experiment: Path, name: str) -> None:
    """Make the file ``best`` of an experiment folder name a checkpoint."""
    unfinished = experiment / f"{_UNFINISHED}{BEST}"
    unfinished.write_text(name + "\n", encoding="utf-8")
    unfinished.replace(experiment / BEST)


def prune(folder: Path, keep: int, best: str | None) -> None:
    """Remove all but the newest ``keep`` checkpoints and the best one."""
    for step in list_steps(folder)[:-keep]:
        if name_of(step) == best:
            continue
        # Hidden first, so that a process killed meanwhile leaves no half of a checkpoint under its name.
        removed = (folder / name_of(step)).rename(folder / f"{_UNFINISHED}removed-{name_of(step)}")
        shutil.rmtree(removed)


def discard_unfinished(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _on_one_device(model: keras.Model) -> Iterator[None]:
    """Let a network's layers say nothing of the devices that train it: other backends could not read it."""
    asking = [layer for layer in model.layers if getattr(layer, "synchronized", False)]
    for layer in asking:
        layer.synchronized = False
    try:
        yield
    finally:
        for layer in asking:
            layer.synchronized = True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
