"""Writing of small datasets for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmnet.datasets.base import Split
from lmnet.settings import Settings

H, W = 24, 32
LABELS = "sky\nroad\nVoid\ncar\n"


def write_pair(folder: Path, name: str, seed: int, *, split: str = "train", size: tuple[int, int] = (H, W)) -> str:
    """Write an image of noise and a mask of values 0..3; return its line of the list."""
    rng = np.random.default_rng(seed)
    for part in (split, f"{split}annot"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(folder / split / name)
    Image.fromarray(rng.integers(0, 4, size, dtype=np.uint8)).save(folder / f"{split}annot" / name)
    return f"{split}/{name} {split}annot/{name}"


def write_dataset(folder: Path, *, train: int = 3, validation: int = 2, labels: str | None = LABELS) -> Path:
    """Write a whole dataset with labels.txt, train.txt and val.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    if labels is not None:
        (folder / "labels.txt").write_text(labels)
    for split, count, seed in (("train", train, 0), ("val", validation, 1000)):
        lines = [write_pair(folder, f"{split}{i}.png", seed + i, split=split) for i in range(count)]
        (folder / f"{split}.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def settings_for(folder: Path, **values: Any) -> Settings:
    """Return settings that read a dataset at 16 x 24."""
    given: dict[str, Any] = {"train_path": folder, "validation_path": folder, "image_size": (16, 24), "batch_size": 2}
    return Settings(**{**given, **values})


def pixel_counts(split: Split, classes: int) -> NDArray[np.int64]:
    """Return int64 [classes]: the pixels of each class over a whole split, void left out."""
    masks = [split.load(i).mask.reshape(-1) for i in range(len(split))]
    return np.bincount(np.concatenate(masks), minlength=256)[:classes]
