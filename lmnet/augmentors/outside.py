"""Windows that may reach beyond a picture: what lies outside has no class, and in the image the picture's mean colour.

Black would darken pictures that are standardised by their own mean and deviation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmnet.augmentors.base import Pictures
from lmnet.datasets.base import VOID

_STRIDE = 8
"""Every eighth row and column stand for the picture: a hundredth of the time, and its mean to about a level."""


def mean_color(image: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Return the mean colour of a picture uint8 [H,W,3], levels 0..255."""
    red, green, blue = image[::_STRIDE, ::_STRIDE].reshape(-1, 3).mean(axis=0)
    return round(red), round(green), round(blue)


def window(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], corner: tuple[int, int], size: tuple[int, int]
) -> Pictures:
    """Return the window of ``size`` (height, width) whose upper left pixel is ``corner`` (row, column) of the picture.

    Args:
        image: uint8 [H,W,3].
        mask: uint8 [H,W].
        corner: may be negative, and the window may end past the picture, but they share a pixel.
        size: of the window.
    """
    source = tuple(slice(max(0, first), first + n) for first, n in zip(corner, size, strict=True))
    if mask[source].shape == size:
        return np.ascontiguousarray(image[source]), np.ascontiguousarray(mask[source])
    wide_image = np.full((*size, 3), mean_color(image), np.uint8)
    wide_mask = np.full(size, VOID, np.uint8)
    target = tuple(
        slice(max(0, -first), max(0, -first) + n) for first, n in zip(corner, mask[source].shape, strict=True)
    )
    wide_image[target], wide_mask[target] = image[source], mask[source]
    return wide_image, wide_mask


def random_window(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, size: tuple[int, int]
) -> Pictures:
    """Return a window of ``size`` (height, width), every place equally likely; a picture of that size as it is.

    Along a side on which the picture is the smaller, the window holds all of it, anywhere.
    """
    if mask.shape == size:
        return image, mask
    room = [have - n for have, n in zip(mask.shape, size, strict=True)]
    row, column = (int(rng.integers(min(0, n), max(0, n), endpoint=True)) for n in room)
    return window(image, mask, (row, column), size)
