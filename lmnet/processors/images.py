"""Reading of pictures from disk: bounded, and every fault told in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

if TYPE_CHECKING:  # absent from the numpy of Debian 11
    from numpy.typing import NDArray

MAX_PIXELS = 64 * 1024 * 1024
"""Largest picture that is decoded, in pixels: a small file can claim to be huge."""

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "PPM")
"""Formats that are decoded, by content and not by file name; the rest of Pillow's decoders stay out of reach."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
"""File name endings that a listing of a folder takes for pictures."""

_EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")


class ImageError(ValueError):
    """A file is no picture that can be read; the text is one sentence that does not name the file."""


def open_picture(path: str | Path) -> Image.Image:
    """Return the decoded picture in its own mode.

    Raises:
        ImageError: the file is absent, foreign, truncated or larger than ``MAX_PIXELS``.
    """
    if not Path(path).is_file():
        raise ImageError("there is no such file")
    try:
        with Image.open(path, formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise ImageError(f"the picture has {width} x {height} pixels, more than {MAX_PIXELS}")
            picture.load()
            return picture.copy()
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"it is not a picture of a known format ({', '.join(FORMATS)})") from None
    except Exception as error:  # on broken input a decoder may raise nearly anything
        reason = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
        raise ImageError(f"it cannot be decoded: {reason}") from error


def to_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    """Return a picture as uint8 [H,W,3], whatever its mode.

    Raises:
        ImageError: the picture has more than 8 bits a channel; a plain conversion would clip it.
    """
    if picture.mode not in _EIGHT_BIT_MODES:
        raise ImageError(f"it has more than 8 bits a channel (mode {picture.mode}); save it with 8")
    return np.asarray(picture.convert("RGB"), dtype=np.uint8)


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """Return the picture at ``path`` as RGB, uint8 [H,W,3].

    Raises:
        ImageError: see ``open_picture`` and ``to_rgb``.
    """
    return to_rgb(open_picture(path))
