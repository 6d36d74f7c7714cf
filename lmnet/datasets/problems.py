"""Everything that is wrong with a dataset, gathered and told at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lmnet.errors import LmnetError

SHOWN = 10
"""Places listed of each kind of problem; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its headline and how to mend it."""

    title: str
    fix: str


KINDS: dict[str, Kind] = {
    "folder": Kind("the dataset folder does not exist", "give the folder that holds train.txt (or val.txt)"),
    "list": Kind(
        "a list of images is missing, unreadable or empty",
        "write one line for each image: its path and the path of its mask, relative to the folder",
    ),
    "labels": Kind(
        "the class list is wrong",
        "write one class name on each line of labels.txt, or 'R G B Name' on each line of label_colors.txt, "
        "in the order of the mask values from 0",
    ),
    "classes": Kind(
        "training and validation folder name different classes",
        "give both folders the same class list, or remove it from the validation folder",
    ),
    "line": Kind(
        "a line is not an image path and a mask path",
        "separate the two paths by a space, or by a tab where a path holds spaces",
    ),
    "outside": Kind("a path leads out of the dataset folder", "list paths relative to the folder, below it"),
    "missing": Kind("a listed file does not exist", "correct the path in the list, or put the file there"),
    "image": Kind("a picture cannot be read", "replace the file, or remove its line from the list"),
    "colour": Kind(
        "a mask is colour-coded, but masks must hold class indices",
        "save one channel of 8 bits as PNG, each pixel the index of its class: "
        "the number of its line in labels.txt or label_colors.txt, counted from 0",
    ),
    "size": Kind("image and mask differ in size", "save the mask in the size of its image"),
    "range": Kind(
        "a mask holds values that are no class",
        "correct the mask, or add the class to labels.txt; pixels without a class get the index of the line 'Void'",
    ),
    "leak": Kind(
        "the same image is in training and in validation",
        "remove it from one of the two: a score on images seen in training says nothing",
    ),
    "unlabelled": Kind("no pixel has a class", "check that the masks belong to these labels"),
    "few": Kind("too few images to hold out a tenth", "list at least two images, or give a validation folder"),
}
"""All kinds, in the order in which they are told."""


@dataclass(slots=True)
class Problems:
    """Problems found so far: the places and details of each kind, in the order found, none twice."""

    found: dict[str, dict[tuple[str, str], None]] = field(default_factory=dict)

    def add(self, kind: str, where: str | Path, detail: str = "") -> None:
        """Note a problem of a kind of ``KINDS`` at a place."""
        if kind not in KINDS:
            raise KeyError(kind)
        self.found.setdefault(kind, {})[str(where), detail] = None

    def __len__(self) -> int:
        return sum(len(places) for places in self.found.values())

    def raise_if_any(self, folder: Path) -> None:
        """Raise one error that lists every problem, by kind, with its places and how to mend it.

        Raises:
            LmnetError: a problem was noted.
        """
        if not self.found:
            return
        count = len(self)
        lines = [f"the dataset has {count} problem{'s' if count > 1 else ''}:"]
        for name, kind in KINDS.items():
            places = list(self.found.get(name, {}))
            if not places:
                continue
            lines.append(f"  {kind.title}{f' ({len(places)} times)' if len(places) > 1 else ''}")
            lines += [f"    {where}{': ' if detail else ''}{detail}" for where, detail in places[:SHOWN]]
            if len(places) > SHOWN:
                lines.append(f"    and {len(places) - SHOWN} more")
            lines.append(f"    fix: {kind.fix}")
        raise LmnetError("\n".join(lines), where=str(folder))
