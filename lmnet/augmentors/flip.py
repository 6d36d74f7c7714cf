"""Augmentors that mirror image and mask together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmnet.augmentors.base import Augmentor, Parameter, Pictures
from lmnet.augmentors.kinds import Number


def _flip_left_right(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, probability: float
) -> Pictures:
    if rng.random() >= probability:
        return image, mask
    return np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(mask[:, ::-1])


def _flip_top_bottom(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, probability: float
) -> Pictures:
    if rng.random() >= probability:
        return image, mask
    return np.ascontiguousarray(image[::-1]), np.ascontiguousarray(mask[::-1])


_PROBABILITY = Parameter("probability", 0.5, Number(0, 1), "share of the samples that are mirrored")

FLIP_LEFT_RIGHT = Augmentor("FlipLeftRight", "Mirrors the picture, left for right.", (_PROBABILITY,), _flip_left_right)
FLIP_TOP_BOTTOM = Augmentor("FlipTopBottom", "Turns the picture upside down.", (_PROBABILITY,), _flip_top_bottom)
