"""Two canvases in one: a picture and its exact mask of classes, drawn by the same calls.

Shapes are drawn three times as large; the image is averaged down, so its edges are smooth, and the mask takes the
middle pixel, so its edges are sharp.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lmnet.processors.palette import CAMVID_COLORS

VOID_INDEX = len(CAMVID_COLORS)
"""Index that the masks on disk give to what has no class: the line after the eleven classes."""

SCALE = 3
"""Canvas pixels along one pixel of the picture."""

_INDEX = {name: i for i, name in enumerate(CAMVID_COLORS)}
_NOISE = {"sky": 2.0, "building": 7.0, "road": 5.0, "pavement": 6.0, "tree": 20.0, "fence": 8.0}
_OTHER_NOISE = 4.0

Point = tuple[float, float]
Rgb = tuple[int, int, int]


class Canvas:
    """Colours and classes of a picture in the making; coordinates are canvas pixels, x to the right, y down.

    Attributes:
        rng: every random number of the picture comes from it.
        height: of the canvas.
        width: of the canvas.
    """

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]) -> None:
        self.rng = rng
        self.height, self.width = size[0] * SCALE, size[1] * SCALE
        self._colors = Image.new("RGB", (self.width, self.height))
        self._classes = Image.new("L", (self.width, self.height), VOID_INDEX)
        self._paint = ImageDraw.Draw(self._colors)
        self._mark = ImageDraw.Draw(self._classes)

    def fill(self, name: str, field: NDArray[np.uint8]) -> None:
        """Cover the whole canvas with colours uint8 [height,width,3] of one class."""
        self._colors.paste(Image.fromarray(np.ascontiguousarray(field)))
        self._classes.paste(_INDEX[name], (0, 0, self.width, self.height))

    def darken(self, x: float, y: float, rx: float, ry: float, color: Rgb) -> None:
        """Fill an ellipse with a colour; the class stays that of the ground below."""
        self._paint.ellipse((x - rx, y - ry, x + rx, y + ry), fill=color)

    def shade(self, color: Sequence[float], spread: float = 18) -> Rgb:
        """Return a colour near the given one."""
        red, green, blue = (int(np.clip(c + self.rng.normal(0, spread), 0, 255)) for c in color)
        return red, green, blue

    def polygon(self, name: str, points: Sequence[Point], color: Rgb) -> None:
        """Fill a polygon with a colour and a class."""
        self._paint.polygon(list(points), fill=color)
        self._mark.polygon(list(points), fill=_INDEX.get(name, VOID_INDEX))

    def box(self, name: str, left: float, top: float, right: float, bottom: float, color: Rgb) -> None:
        """Fill an upright rectangle; at least a pixel of the mask wide and high, so that thin things are labelled."""
        right, bottom = max(right, left + SCALE), max(bottom, top + SCALE)
        self.polygon(name, [(left, top), (right, top), (right, bottom), (left, bottom)], color)

    def disc(self, name: str, x: float, y: float, rx: float, ry: float, color: Rgb) -> None:
        """Fill an ellipse around a point."""
        frame = (x - rx, y - ry, x + rx, y + ry)
        self._paint.ellipse(frame, fill=color)
        self._mark.ellipse(frame, fill=_INDEX.get(name, VOID_INDEX))

    def finish(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return image and mask at their size, with texture, light and camera noise."""
        size = (self.width // SCALE, self.height // SCALE)
        image = np.asarray(self._colors.resize(size, Image.Resampling.BOX), dtype=np.float64)
        mask = np.ascontiguousarray(np.asarray(self._classes)[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE])
        strength = np.full(256, _OTHER_NOISE)
        for name, value in _NOISE.items():
            strength[_INDEX[name]] = value
        texture = self.rng.normal(0, 1, mask.shape) * strength[mask]
        light = self.rng.uniform(0.75, 1.15) * self.rng.uniform(0.94, 1.06, 3)
        across = np.linspace(self.rng.uniform(0.88, 1.08), self.rng.uniform(0.88, 1.08), size[0])
        image = (image + texture[..., None]) * light * across[None, :, None]
        image += self.rng.normal(0, 2.5, image.shape)
        return np.clip(image + 0.5, 0, 255).astype(np.uint8), mask
