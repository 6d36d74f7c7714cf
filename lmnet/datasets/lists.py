"""Lists of samples: each line an image and its mask."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from lmnet.datasets.base import Pair
from lmnet.datasets.problems import Problems
from lmnet.datasets.textfile import read_lines

SEGNET_PREFIX = PurePosixPath("/SegNet/CamVid")
"""Folder that the lists of the SegNet tutorial name: it stands for the dataset folder."""


def read_list(folder: Path, file_name: str, problems: Problems) -> list[Pair]:
    """Return the samples that a list names; a faulty line becomes a problem and no sample.

    Args:
        folder: the dataset folder; every path of the list is below it.
        file_name: such as ``train.txt``.
        problems: gets every fault.
    """
    path = folder / file_name
    lines = read_lines(path, "list", problems)
    if lines is None:
        return []
    pairs = []
    named = 0
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        named += 1
        where = f"{path} line {number}"
        columns = [column.strip() for column in line.split("\t")] if "\t" in line else line.split()
        if len(columns) != 2 or not all(columns):
            problems.add("line", where, f"{len(columns)} column{'s' if len(columns) > 1 else ''}: {line[:120]!r}")
            continue
        image, mask = (_file(folder, column, where, problems) for column in columns)
        if image and mask:
            pairs.append(Pair(image=image, mask=mask, where=where))
    if not named:
        problems.add("list", path, "it names no image")
    return pairs


def _file(folder: Path, text: str, where: str, problems: Problems) -> Path | None:
    """Return the file that a column names, or None and a problem."""
    named = PurePosixPath(text)
    if named.is_relative_to(SEGNET_PREFIX):
        named = named.relative_to(SEGNET_PREFIX)
    root = os.path.abspath(folder)  # noqa: PTH100 - resolve() would follow links, and a dataset may lie behind one
    path = Path(os.path.normpath(os.path.join(root, named)))  # noqa: PTH118 - Path keeps the '..' that must be seen
    if not path.is_relative_to(root):
        problems.add("outside", where, text)
        return None
    try:
        exists = path.is_file()
    except (OSError, ValueError):
        exists = False
    if not exists:
        problems.add("missing", where, str(path))
        return None
    return path
