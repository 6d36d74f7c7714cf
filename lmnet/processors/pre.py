"""Pre-processing: from uint8 pixels to the float32 input of the network.

Every pre-processor is a table of 256 float32 values, built in float64 from integer sums, and a look-up. The C library
does the same arithmetic in the same order, so its inputs are equal bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lmnet.processors.images import to_rgb

if TYPE_CHECKING:  # absent from the numpy of Debian 11
    from numpy.typing import NDArray


NEAREST = getattr(Image, "Resampling", Image).NEAREST  # Pillow before 9.1 has no Resampling


def _standardization_table(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (v - mean) / max(std, 1 / sqrt(N)) for every value v; mean and std are of all N values of the image."""
    count = pixels.size
    histogram = np.bincount(pixels.reshape(-1), minlength=256)
    values = np.arange(256, dtype=np.int64)
    total = int(histogram @ values)
    total_of_squares = int(histogram @ (values * values))
    mean = total / count
    variance = max(total_of_squares / count - mean * mean, 0.0)
    inverse = 1.0 / max(math.sqrt(variance), 1.0 / math.sqrt(count))
    return ((np.arange(256, dtype=np.float64) - mean) * inverse).astype(np.float32)


def _unit_table(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return v / 255 for every value v, whatever the image holds."""
    return (np.arange(256, dtype=np.float64) / 255.0).astype(np.float32)


TABLES: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.float32]]] = {
    "PerImageStandardization": _standardization_table,
    "DivideBy255": _unit_table,
}
"""Name of a pre-processor to the function that builds its table."""


def pixel_table(name: str, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the float32[256] table of pre-processor ``name`` for one image.

    Raises:
        ValueError: the name is unknown, or the image is not uint8 or is empty.
    """
    if name not in TABLES:
        raise ValueError(f"unknown pre-processor {name}; expected one of {', '.join(TABLES)}")
    if pixels.dtype != np.uint8 or pixels.size == 0:
        raise ValueError(f"expected a uint8 image with pixels, received {pixels.dtype} {list(pixels.shape)}")
    return TABLES[name](pixels)


def per_image_standardization(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the image with mean 0 and standard deviation 1, same shape, float32."""
    return pixel_table("PerImageStandardization", pixels)[pixels]


def divide_by_255(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the image in 0..1, same shape, float32."""
    return pixel_table("DivideBy255", pixels)[pixels]


PRE_PROCESSORS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.float32]]] = {
    "PerImageStandardization": per_image_standardization,
    "DivideBy255": divide_by_255,
}
"""Name of a pre-processor to its function, uint8 [H,W,3] to float32 [H,W,3]."""


def resize(image: Image.Image | NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the image as RGB of ``size`` = (height, width) by nearest neighbour, uint8 [h,w,3].

    Raises:
        lmnet.processors.images.ImageError: a picture has more than 8 bits a channel.
        ValueError: an array is not uint8 [H,W,3].
    """
    pixels = to_rgb(image) if isinstance(image, Image.Image) else image
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"expected a uint8 image [H,W,3], received {pixels.dtype} {list(pixels.shape)}")
    return _nearest(pixels, size)


def resize_classes(classes: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a map of class indices uint8 [H,W] in ``size`` = (height, width) by nearest neighbour.

    Raises:
        ValueError: the map is not uint8 [H,W].
    """
    if classes.dtype != np.uint8 or classes.ndim != 2:
        raise ValueError(f"expected a uint8 class map [H,W], received {classes.dtype} {list(classes.shape)}")
    return _nearest(classes, size)


def _nearest(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = size
    if pixels.shape[:2] == (height, width):
        return pixels
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(picture.resize((width, height), NEAREST), dtype=np.uint8)
