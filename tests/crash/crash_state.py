"""What must hold in an experiment's folder whenever a command was killed."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import yaml
from numpy.typing import NDArray

_CHECKPOINT = re.compile(r"save\.ckpt-(\d+)")
_SAVED = re.compile(r"step (\d+): saved")


def whole_checkpoints(experiment: Path) -> dict[int, Path]:
    """Return the checkpoints by their step. Raises AssertionError when one is not whole, or ``best`` names none."""
    folder = experiment / "checkpoints"
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := _CHECKPOINT.fullmatch(path.name):
            state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            assert state["sha256"] == _sha256(path / "model.keras"), f"{path.name} is half written"
            assert state["step"] == int(match[1]), f"{path.name} is another one's"
            found[int(match[1])] = path
    best = experiment / "best"
    if best.is_file():
        name = best.read_text(encoding="utf-8").strip()
        assert (folder / name).is_dir(), f"best names {name!r}, which there is not"
    return found


def saved_steps(output: str) -> list[int]:
    """Return the steps of the checkpoints that a training run said it had saved."""
    return [int(step) for step in _SAVED.findall(output)]


def weights(checkpoint: Path) -> dict[str, NDArray[np.generic]]:
    """Return all numbers of a checkpoint, those of the optimizer too, by their place in the file."""
    with zipfile.ZipFile(checkpoint / "model.keras") as archive:
        data = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(data) as file:
        names: list[str] = []
        file.visit(names.append)
        return {name: file[name][()] for name in names if isinstance(file[name], h5py.Dataset)}


def same(one: dict[str, NDArray[np.generic]], other: dict[str, NDArray[np.generic]]) -> bool:
    """Say whether two checkpoints hold the same numbers, bit for bit."""
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def whole_package(export: Path) -> bool:
    """Return whether there is a package. Raises AssertionError when its files are not those that were verified."""
    models = export / "output" / "models"
    if not (export / "output").exists():
        return False
    meta = yaml.safe_load((models / "meta.yaml").read_text(encoding="utf-8"))
    for name, digest in meta["hashes"].items():
        assert _sha256(models / name) == digest, f"{name} of the package is half written"
    assert (export / "output" / "python" / "run.py").is_file(), "the package lacks run.py"
    return True


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
