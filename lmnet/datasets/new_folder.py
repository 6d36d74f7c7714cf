"""A folder in which a dataset appears whole or not at all; it may be there already, empty, as a mount point is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lmnet.errors import LmnetError

_LAST = "train.txt"  # a folder without it is no dataset to any reader


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a hidden folder to fill; at the end what it holds is in ``folder``, after an error nothing is.

    An absent folder appears by one rename, made beside it. An empty one is kept with its owner and mode, since a mount
    point cannot be renamed over and nothing beside it may be writable: it is filled from inside, ``train.txt`` last.

    Args:
        folder: must be absent or empty; parent folders are made.

    Raises:
        LmnetError: the folder is in use.
        OSError: it cannot be written.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - a link stays a link, only '.' and '..' go
    there = folder.exists() or folder.is_symlink()
    if there and not _is_free(folder):
        raise LmnetError(
            "the folder for the dataset is in use",
            where=str(folder),
            expected="an absent or empty folder",
            fix="give another folder, or remove this one",
        )
    making = (folder if there else folder.parent) / f".{folder.name}.{os.getpid()}.partial"
    shutil.rmtree(making, ignore_errors=True)  # of a killed process that had this number, as in each container
    try:
        making.mkdir(parents=True)
        yield making
        if there:
            _move_up(making, folder)
        else:
            making.replace(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _is_free(folder: Path) -> bool:
    """Return whether a folder holds nothing but what killed processes left of theirs."""
    left = f".{folder.name}."
    return folder.is_dir() and all(
        path.name.startswith(left) and path.name.endswith(".partial") for path in folder.iterdir()
    )


def _move_up(making: Path, folder: Path) -> None:
    moved: list[Path] = []
    try:
        for path in sorted(making.iterdir(), key=lambda path: (path.name == _LAST, path.name)):
            moved.append(path.replace(folder / path.name))
    except BaseException:
        for path in moved:
            path.replace(making / path.name)
        raise
