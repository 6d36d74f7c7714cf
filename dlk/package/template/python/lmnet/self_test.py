"""Is this package whole, and does this machine compute what was verified? Hashes and golden images, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lmnet.hashes import sha256
from lmnet.inference import Meta, Model, UsageError

GOLDEN = "golden.npz"
BOARD = "fpga"


class SelfTestError(Exception):
    """Something differs from what was verified; the text is one sentence."""


def check_hashes(meta: Meta, model: Path) -> list:
    """Compare the package's files with meta.yaml; return the names that agree.

    Files other than ``model`` and the golden images may be absent: a board needs its own library only.
    Raises SelfTestError at the first that differs, UsageError when meta.yaml lists no hashes.
    """
    folder = meta.path.resolve().parent
    files = {name: folder / name for name in meta.hashes if "\0" not in name}
    if len(files) < len(meta.hashes):
        raise UsageError(f"{meta.path}: hashes name a file that cannot be")
    if GOLDEN not in files:
        raise UsageError(f"{meta.path} has no hashes, so there is nothing to test against")
    for name, path in files.items():
        if not {folder, folder.parent / BOARD} & set(path.resolve().parents):
            raise UsageError(f"{meta.path}: hashes name {name}, which is outside of {folder}")
    if model.resolve() not in [path.resolve() for path in files.values()]:
        raise UsageError(f"{model} is not a file of the package of {meta.path}")
    agreeing = []
    for name, path in files.items():
        if not path.is_file():
            if name == GOLDEN or path.resolve() == model.resolve():
                raise UsageError(f"there is no file {path}")
            continue
        if sha256(path) != meta.hashes[name]:
            raise SelfTestError(f"{path} is not the file that was verified: its SHA-256 differs from {meta.path}")
        agreeing.append(name)
    return agreeing


def check_golden(meta: Meta, model: Model) -> int:
    """Run the golden images; return the number of values compared. Raises SelfTestError at the first difference."""
    path = meta.path.resolve().parent / GOLDEN
    try:
        with np.load(path, allow_pickle=False) as file:
            images, outputs = file["images"], file["outputs"]
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{path} holds no golden images: {error}") from error
    compared = 0
    for index, image in enumerate(images):
        expected = outputs[index]
        received = model.run(model.prepare(image))
        if received.shape != expected.shape:
            raise SelfTestError(f"golden image {index} gives {received.shape}, not {expected.shape}")
        differs = received.view(np.uint32) != expected.view(np.uint32)
        if differs.any():
            where = tuple(int(n) for n in np.argwhere(differs)[0])
            raise SelfTestError(
                f"golden image {index} differs in {int(differs.sum())} of {differs.size} values, first at {where}: "
                f"expected {expected[where]!r}, received {received[where]!r}"
            )
        compared += differs.size
    return compared
