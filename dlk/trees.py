"""Copies of folders."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from fnmatch import fnmatch
from pathlib import Path


def copy_tree(source: Path, target: Path, *, leave_out: Collection[str] = ()) -> None:
    """Copy a folder of files and folders into a new or existing one; the first file that fails ends it.

    shutil.copytree goes on after a failure, and tells a full disk once for each file, by an error without a number.

    Args:
        source: a folder.
        target: files that are there already are replaced.
        leave_out: patterns of names that are not copied.

    Raises:
        OSError: a file can't be read or written.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in leave_out):
            continue
        if path.is_dir():
            copy_tree(path, target / path.name, leave_out=leave_out)
        else:
            shutil.copy2(path, target / path.name)
