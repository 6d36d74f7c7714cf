"""Files and folders that are whole or absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Give a temporary name beside ``file`` to write to; rename it to ``file`` at the end, or remove it on an error.

    Parent folders are made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Give a hidden new folder beside ``folder`` to fill and to rename; what is left of it at the end is removed.

    So is what killed processes left of theirs. Parent folders are made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}.unfinished."
    for left in folder.parent.glob(f"{prefix}*"):
        if not Path("/proc", left.name.removeprefix(prefix)).exists():
            shutil.rmtree(left, ignore_errors=True)
    temporary = folder.with_name(f"{prefix}{os.getpid()}")
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(file: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
