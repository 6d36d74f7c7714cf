"""Pictures for tests of augmentors: some whose image tells its mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmnet.augmentors import AUGMENTORS, Augmentor
from lmnet.datasets import VOID

Array = NDArray[np.uint8]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def locked(array: Array) -> Array:
    """Return the array, which nobody may write."""
    array.setflags(write=False)
    return array


def noise(height: int, width: int, seed: int = 5) -> tuple[Array, Array]:
    """Return an image of noise and a mask of values 0..3."""
    draw = rng(seed)
    image = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return locked(image), locked(draw.integers(0, 4, (height, width), dtype=np.uint8))


def ramp(height: int, width: int, *, across: bool) -> tuple[Array, Array]:
    """Return an image and a mask whose value is the number of the row, or of the column; at most 200."""
    values = np.arange(width if across else height, dtype=np.uint8)
    mask = np.ascontiguousarray(np.broadcast_to(values if across else values[:, None], (height, width)))
    return locked(np.repeat(mask[..., None], 3, axis=2)), locked(mask)


def outside(image: Array, mask: Array, color: tuple[int, ...]) -> bool:
    """Say whether the image has one colour wherever the mask is void."""
    return bool((image[mask == VOID] == color).all())


def of(name: str) -> Augmentor:
    return AUGMENTORS[name]
