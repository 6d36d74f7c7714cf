"""Colours of classes: the same class has the same colour in every picture that we draw."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # absent from the numpy of Debian 11
    from numpy.typing import NDArray

Color = tuple[int, int, int]

VOID_COLOR: Color = (0, 0, 0)

CAMVID_COLORS: dict[str, Color] = {
    "sky": (128, 128, 128),
    "building": (128, 0, 0),
    "pole": (192, 192, 128),
    "road": (128, 64, 128),
    "pavement": (60, 40, 222),
    "tree": (128, 128, 0),
    "signsymbol": (192, 128, 128),
    "fence": (64, 64, 128),
    "car": (64, 0, 128),
    "pedestrian": (64, 64, 0),
    "bicyclist": (0, 128, 192),
}
"""Colours of the eleven CamVid classes in the order of their indices, as the dataset itself paints them."""

_OTHER_COLORS: tuple[Color, ...] = (
    (230, 25, 75),
    (60, 180, 75),
    (255, 225, 25),
    (0, 130, 200),
    (245, 130, 48),
    (145, 30, 180),
    (70, 240, 240),
    (240, 50, 230),
    (210, 245, 60),
    (250, 190, 212),
    (0, 128, 128),
    (220, 190, 255),
    (170, 110, 40),
    (255, 250, 200),
    (128, 0, 32),
    (170, 255, 195),
    (110, 128, 20),
    (255, 215, 180),
    (0, 0, 117),
    (169, 169, 169),
    (255, 99, 71),
    (46, 139, 87),
    (123, 104, 238),
    (199, 21, 133),
)


def _other_color(number: int) -> Color:
    """Return the colour of the ``number``-th class outside CamVid: a fixed list, then hues by the golden angle."""
    if number < len(_OTHER_COLORS):
        return _OTHER_COLORS[number]
    step = number - len(_OTHER_COLORS)
    rgb = colorsys.hsv_to_rgb(
        (0.05 + step * 0.6180339887498949) % 1.0, 0.9 - 0.25 * (step % 3), 0.95 - 0.2 * (step % 2)
    )
    return (int(rgb[0] * 255), int(rgb[1] * 255), int(rgb[2] * 255))


def class_colors(class_names: Sequence[str]) -> NDArray[np.uint8]:
    """Return one RGB colour a class, uint8 [C,3].

    The eleven CamVid names, in any case and with or without spaces, get CamVid's colours; others take the next free
    colour of a fixed list. Void is not a class: ``paint`` makes it black.
    """
    colors: list[Color] = []
    others = 0
    for name in class_names:
        key = "".join(character for character in name.casefold() if character.isalnum())
        if key in CAMVID_COLORS:
            colors.append(CAMVID_COLORS[key])
        else:
            colors.append(_other_color(others))
            others += 1
    return np.array(colors, dtype=np.uint8).reshape(-1, 3)


def paint(classes: NDArray[np.uint8], colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a class map uint8 [H,W] as colours uint8 [H,W,3]; indices without a colour are void and black."""
    table = np.empty((256, 3), dtype=np.uint8)
    table[:] = VOID_COLOR
    table[: len(colors)] = colors
    return table[classes]
