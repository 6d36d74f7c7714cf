"""Pictures of a prediction: classes laid over the image, and a mask with a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lmnet.processors.palette import VOID_COLOR, paint
from lmnet.processors.pre import resize_classes

if TYPE_CHECKING:  # absent from the numpy of Debian 11
    from numpy.typing import NDArray

BACKGROUND = (255, 255, 255)
TEXT = (20, 20, 20)
_MARGIN = 8
_ROW = 18
_SWATCH = 12
_FONT_SIZE = 13


def overlay(image: NDArray[np.uint8], classes: NDArray[np.uint8], colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return half image, half class colours, at the image's own size.

    Args:
        image: uint8 [H,W,3].
        classes: uint8 [h,w], resized to the image by nearest neighbour.
        colors: uint8 [C,3].

    Returns:
        uint8 [H,W,3], each value (image + colour) // 2.
    """
    painted = paint(resize_classes(classes, (image.shape[0], image.shape[1])), colors)
    return ((image.astype(np.uint16) + painted) // 2).astype(np.uint8)


def mask_picture(
    classes: NDArray[np.uint8],
    colors: NDArray[np.uint8],
    names: Sequence[str],
    size: tuple[int, int] | None = None,
) -> NDArray[np.uint8]:
    """Return the class map in colours with a legend at its right: swatch, name and share of the pixels.

    Args:
        classes: uint8 [h,w]; values from the number of names on are void.
        colors: uint8 [C,3].
        names: C class names.
        size: (height, width) of the mask in the picture; by default that of the map.

    Returns:
        uint8 [H,W,3]: the mask at the upper left, the legend beside it in as many columns as it needs.
    """
    height, width = size if size is not None else (classes.shape[0], classes.shape[1])
    mask = Image.fromarray(paint(resize_classes(classes, (height, width)), colors))
    counts = np.bincount(classes.reshape(-1), minlength=256)
    void = int(counts[len(names) :].sum())
    texts = [f"{name}  {_percent(int(counts[i]), classes.size)}" for i, name in enumerate(names)]
    if void:
        texts.append(f"void  {_percent(void, classes.size)}")
    names_and_colors = legend(texts, np.vstack([colors[: len(names)], [VOID_COLOR]])[: len(texts)], height)
    picture = Image.new("RGB", (width + names_and_colors.width, names_and_colors.height), BACKGROUND)
    picture.paste(mask, (0, 0))
    picture.paste(names_and_colors, (width, 0))
    return np.asarray(picture, dtype=np.uint8)


def legend(texts: Sequence[str], colors: NDArray[np.uint8], height: int) -> Image.Image:
    """Return swatches with their texts, at least one, in as many columns as a picture of this height needs.

    Args:
        texts: of any length.
        colors: uint8 [N,3], one a text.
        height: pixels; the legend is higher where less than twelve lines would fit.
    """
    font = load_font()
    texts = [_printable(text, font) for text in texts]
    column = _MARGIN + _SWATCH + 6 + max(_width(text, font) for text in texts) + _MARGIN
    lines = max(1, min(len(texts), max(12, (height - 2 * _MARGIN) // _ROW)))
    size = (-(-len(texts) // lines) * column, max(height, lines * _ROW + 2 * _MARGIN))
    picture = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for i, text in enumerate(texts):
        left = (i // lines) * column + _MARGIN
        top = _MARGIN + (i % lines) * _ROW
        fill = tuple(int(part) for part in colors[i])
        draw.rectangle((left, top, left + _SWATCH, top + _SWATCH), fill=fill, outline=TEXT)
        draw.text((left + _SWATCH + 6, top - 1), text, fill=TEXT, font=font)
    return picture


def load_font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font: in a readable size, or the small bitmap one of a Pillow without FreeType."""
    try:
        return ImageFont.load_default(size=_FONT_SIZE)
    except (TypeError, ImportError):
        return ImageFont.load_default()


def _width(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    """Return the width of a text in pixels; Pillow before 9.2 measures a bitmap font in another way."""
    any_font: Any = font
    return int(font.getlength(text) if hasattr(font, "getlength") else any_font.getsize(text)[0])


def _printable(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Return the text with what a bitmap font cannot draw replaced by a question mark."""
    try:
        _width(text, font)
    except UnicodeEncodeError:
        return text.encode("ascii", "replace").decode("ascii")
    return text


def _percent(count: int, total: int) -> str:
    share = 100 * count / total
    return f"{share:.0f} %" if share >= 1 or count == 0 else "< 1 %"
