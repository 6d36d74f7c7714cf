"""Some validation images that an experiment keeps, so that converting needs no dataset."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from lmnet.datasets.base import Split

T = TypeVar("T")

FOLDER, SAMPLES = "samples", 3
"""Where in a run folder, and how many."""


def keep(folder: Path, split: Split) -> None:
    """Copy some images of a split into a run folder that has none: names stay, pixels too.

    Images that are no files are kept as PNG, at the size at which they are loaded.
    """
    if (folder / FOLDER).is_dir() or not len(split):
        return
    from PIL import Image

    unfinished = folder / f".{FOLDER}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for number, i in enumerate(spread(range(len(split)))):
        image = split.pairs[i].image
        if image.is_file():
            shutil.copyfile(image, unfinished / f"{number}_{image.name}")
        else:
            sample = split.load(i)
            Image.fromarray(sample.image).save(unfinished / f"{number}_{sample.name}.png")
    unfinished.rename(folder / FOLDER)


def kept(folder: Path) -> list[Path]:
    """Return the images that a run folder keeps, in the order of the split; none where it keeps none."""
    samples = folder / FOLDER
    return sorted(samples.iterdir()) if samples.is_dir() else []


def spread(images: Sequence[T]) -> list[T]:
    """Return at most SAMPLES of the images, evenly from the first to the last."""
    return [images[i] for i in sorted({round(i * (len(images) - 1) / max(1, SAMPLES - 1)) for i in range(SAMPLES)})]
