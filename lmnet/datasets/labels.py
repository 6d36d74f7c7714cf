"""The class list of a CamVid-like dataset: labels.txt, label_colors.txt, or the eleven standard classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmnet.datasets.base import VOID
from lmnet.datasets.problems import Problems
from lmnet.datasets.textfile import read_lines
from lmnet.processors.palette import CAMVID_COLORS

VOID_NAMES = frozenset({"ignore", "unlabelled", "unlabeled", "void"})
"""Names, in any case, of the line whose pixels have no class."""

LABELS, LABEL_COLORS = "labels.txt", "label_colors.txt"


@dataclass(frozen=True, slots=True)
class Labels:
    """Names of all mask values from 0 on, void included, and where they come from."""

    names: tuple[str, ...]
    source: str

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes: void removed."""
        return tuple(name for name in self.names if name.casefold() not in VOID_NAMES)

    def table(self) -> NDArray[np.uint8]:
        """Return uint8 [256]: mask value in the file to class index; void and values past the list to VOID."""
        table = np.full(256, VOID, dtype=np.uint8)
        index = 0
        for value, name in enumerate(self.names):
            if name.casefold() not in VOID_NAMES:
                table[value] = index
                index += 1
        return table


STANDARD = Labels((*CAMVID_COLORS, "Void"), "the eleven standard CamVid classes and void")
"""Labels of a folder that has no class list, as the SegNet tutorial's CamVid."""


def read_labels(folder: Path, problems: Problems) -> Labels | None:
    """Return the labels of a folder, or None where they are faulty; ``labels.txt`` wins over ``label_colors.txt``.

    Args:
        folder: the dataset folder.
        problems: gets every fault.
    """
    for file_name, parse in ((LABELS, _name), (LABEL_COLORS, _name_after_color)):
        path = folder / file_name
        if path.exists():
            return _read(path, parse, problems)
    return STANDARD


def has_labels(folder: Path) -> bool:
    """Say whether a folder has a class list of its own."""
    return (folder / LABELS).exists() or (folder / LABEL_COLORS).exists()


def _name(line: str) -> str:
    return line


def _name_after_color(line: str) -> str:
    """Return Name of the line ``R G B Name``.

    Raises:
        ValueError: the line does not begin with three numbers 0..255, or has no name.
    """
    parts = line.split(maxsplit=3)
    if len(parts) < 4 or not all(part.isascii() and part.isdigit() and int(part) <= 255 for part in parts[:3]):
        raise ValueError(f"expected 'R G B Name' with numbers 0 to 255, received {line!r}")
    return parts[3]


def _read(path: Path, parse: Callable[[str], str], problems: Problems) -> Labels | None:
    lines = read_lines(path, "labels", problems)
    if lines is None:
        return None
    before = len(problems)
    while lines and not lines[-1]:
        lines.pop()
    names: list[str] = []
    for number, line in enumerate(lines, start=1):
        where = f"{path} line {number}"
        if not line:
            problems.add("labels", where, "the line is empty, though its number is a mask value")
            continue
        try:
            name = parse(line)
        except ValueError as error:
            problems.add("labels", where, str(error))
            continue
        if name.casefold() in (known.casefold() for known in names):
            problems.add("labels", where, f"the name {name!r} is there twice")
        names.append(name)
    labels = Labels(tuple(names), str(path))
    if len(problems) == before and not 2 <= len(labels.classes) <= VOID:
        problems.add("labels", path, f"it names {len(labels.classes)} classes beside void, expected 2 to {VOID}")
    if len(problems) == before and len(labels.names) > 256:
        problems.add("labels", path, f"it has {len(labels.names)} lines, but a mask of 8 bits holds 256 values")
    return labels if len(problems) == before else None
