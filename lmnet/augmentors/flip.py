"""Augmentors that mirror image and mask together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmnet.augmentors.base import Augmentor, Parameter, Pictures


def _flip_left_right(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, probability: float
) -> Pictures:
    if rng.random() >= probability:
        return image, mask
    return np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(mask[:, ::-1])


FLIP_LEFT_RIGHT = Augmentor(
    "FlipLeftRight",
    "Mirrors image and mask.",
    (Parameter("probability", 0.5, 0.0, 1.0, "share of the samples that are mirrored"),),
    _flip_left_right,
)
