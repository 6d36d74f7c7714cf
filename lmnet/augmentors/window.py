"""Augmentors that take a part of the picture, or a larger one, pixel by pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmnet.augmentors.base import Augmentor, Parameter, Pictures
from lmnet.augmentors.kinds import Number, Size
from lmnet.augmentors.outside import random_window
from lmnet.datasets.base import VOID


def _crop(
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    rng: np.random.Generator,
    train_size: tuple[int, int],
    size: tuple[int, int] | None,
    resize: tuple[int, int] | None,
) -> Pictures:
    height, width = size or train_size
    image, mask = random_window(image, mask, rng, (int(height), int(width)))
    if resize is None or mask.shape == tuple(resize):
        return image, mask
    target = int(resize[1]), int(resize[0])
    return (
        np.asarray(Image.fromarray(image).resize(target, Image.Resampling.BILINEAR)),
        np.asarray(Image.fromarray(mask).resize(target, Image.Resampling.NEAREST)),
    )


def _pad(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, value: int, fill: int
) -> Pictures:
    border = ((int(value), int(value)),) * 2
    return (
        np.pad(image, (*border, (0, 0)), constant_values=int(fill)),
        np.pad(mask, border, constant_values=VOID),
    )


CROP = Augmentor(
    "Crop",
    "Takes a window at a random place.",
    (
        Parameter("size", None, Size(), "height and width of the window; none: those of the training pictures"),
        Parameter("resize", None, Size(), "height and width to which the window is scaled; none: it is not"),
    ),
    _crop,
    sized=True,
)
PAD = Augmentor(
    "Pad",
    "Adds a border; the random crop to the training size that follows then moves the picture.",
    (
        Parameter("value", 10, Number(0, 1024, whole=True), "width of the border, pixels"),
        Parameter("fill", 0, Number(0, 255, whole=True), "level of its three channels"),
    ),
    _pad,
)
