"""A small drawn dataset in CamVid's format: for the demo, for tests, and to try things before one has data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from lmnet.datasets.new_folder import new_folder
from lmnet.datasets.scene import draw_scene
from lmnet.errors import LmnetError
from lmnet.processors.palette import CAMVID_COLORS, VOID_COLOR

NAMES = (
    "Sky",
    "Building",
    "Pole",
    "Road",
    "Pavement",
    "Tree",
    "SignSymbol",
    "Fence",
    "Car",
    "Pedestrian",
    "Bicyclist",
    "Unlabelled",
)
"""Lines of label_colors.txt, as CamVid writes them: the eleven classes and void."""

_SPLITS = (("train", 0), ("val", 1))


def draw_dataset(
    folder: Path, *, train: int = 200, validation: int = 50, size: tuple[int, int] = (128, 160), seed: int = 1
) -> None:
    """Draw street scenes into a new or empty folder: lists, label_colors.txt, images and index masks as PNG.

    Image i of a split depends on seed, split, i and size only: a larger dataset begins with the images of a smaller.

    Args:
        folder: must be absent or empty; it appears when everything is drawn, or not at all.
        train: number of training images, at least 1.
        validation: number of validation images; 0 writes no val.txt.
        size: (height, width) of the images, 32..1024 each.
        seed: any integer from 0.

    Raises:
        LmnetError: the folder is in use or cannot be written, or a number is out of range.
    """
    if train < 1 or validation < 0 or seed < 0 or not all(32 <= side <= 1024 for side in size):
        raise LmnetError(
            "these numbers make no dataset",
            expected="train >= 1, validation >= 0, seed >= 0, height and width from 32 to 1024",
            received=f"train={train}, validation={validation}, seed={seed}, size={size[0]}x{size[1]}",
        )
    try:
        with new_folder(folder) as making:
            _write(making, {"train": train, "val": validation}, size, seed)
    except OSError as error:
        raise LmnetError(
            f"the dataset cannot be written: {error.strerror or error}",
            where=str(folder.absolute()),
            fix="choose a folder that can be written, on a disk with room",
        ) from error


def _write(folder: Path, counts: dict[str, int], size: tuple[int, int], seed: int) -> None:
    colors = [*CAMVID_COLORS.values(), VOID_COLOR]
    lines = [f"{red} {green} {blue} {name}\n" for (red, green, blue), name in zip(colors, NAMES, strict=True)]
    (folder / "label_colors.txt").write_text("".join(lines), encoding="utf-8")
    for split, number in _SPLITS:
        if not counts[split]:
            continue
        for part in (split, f"{split}annot"):
            (folder / part).mkdir()
        names = [f"street_{i:05d}.png" for i in range(counts[split])]
        for i, name in enumerate(names):
            image, mask = draw_scene(np.random.default_rng([seed, number, i]), size)
            Image.fromarray(image).save(folder / split / name)
            Image.fromarray(mask).save(folder / f"{split}annot" / name)
        listed = "".join(f"{split}/{name} {split}annot/{name}\n" for name in names)
        (folder / f"{split}.txt").write_text(listed, encoding="utf-8")
