"""What every dataset is, once read: classes and two splits of images with masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VOID = 255
"""Mask value of pixels that have no class: they count neither in the loss nor in a score."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The two files of one sample, and the line that names them, for messages."""

    image: Path
    mask: Path
    where: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with its mask at the network's input size.

    Attributes:
        image: RGB uint8 [H,W,3], read-only.
        mask: class indices uint8 [H,W], 0..C-1 or VOID, read-only.
        name: file name of the image without its ending.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    name: str


@dataclass(frozen=True, slots=True)
class Split:
    """The samples of one part of a dataset, in the order of the list (of the drawing of lots under the 9:1 rule)."""

    name: str
    pairs: tuple[Pair, ...]
    read: Callable[[Pair], Sample]

    def __len__(self) -> int:
        return len(self.pairs)

    def load(self, i: int) -> Sample:
        """Return sample ``i``, 0..len-1, from memory where it fits."""
        return self.read(self.pairs[i])


@dataclass(frozen=True, slots=True)
class Dataset:
    """A checked dataset.

    Attributes:
        classes: names in the order of the network's outputs, void removed.
        train: samples to learn from.
        validation: samples to measure on, none of them in ``train``.
    """

    classes: tuple[str, ...]
    train: Split
    validation: Split


@dataclass(frozen=True, slots=True)
class Survey:
    """What the lists and labels of a dataset say, before any picture is decoded."""

    classes: tuple[str, ...]
    train_images: int
    validation_images: int
