"""Augmentors that change the image and leave the mask alone.

Own functions and not keras.layers: they must equal the first Blueoil's definitions (Pillow's ImageEnhance, a hue that
wraps in 8 bits) and be pure functions of an explicit numpy generator, so that a resumed run draws the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from lmnet.augmentors.base import Augmentor, Parameter, Pictures
from lmnet.augmentors.kinds import Range

_FACTOR = Parameter("value", (0.75, 1.25), Range(0, 10), "factor, drawn evenly between the two; 1 changes nothing")


def _blur(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, value: tuple[float, float]
) -> Pictures:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(rng.uniform(*value)))), mask


def _brightness(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, value: tuple[float, float]
) -> Pictures:
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(image)).enhance(rng.uniform(*value))), mask


def _color(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, value: tuple[float, float]
) -> Pictures:
    return np.asarray(ImageEnhance.Color(Image.fromarray(image)).enhance(rng.uniform(*value))), mask


def _contrast(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, value: tuple[float, float]
) -> Pictures:
    return np.asarray(ImageEnhance.Contrast(Image.fromarray(image)).enhance(rng.uniform(*value))), mask


def _hue(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, value: tuple[float, float]
) -> Pictures:
    shift = int(rng.integers(int(value[0]), int(value[1]), endpoint=True))
    hue, saturation, value_channel = Image.fromarray(image).convert("HSV").split()
    turned = Image.fromarray(np.asarray(hue) + np.uint8(shift % 256))
    return np.asarray(Image.merge("HSV", (turned, saturation, value_channel)).convert("RGB")), mask


BLUR = Augmentor(
    "Blur",
    "Makes the image less sharp.",
    (Parameter("value", (0.0, 1.0), Range(0, 50), "radius in pixels, drawn evenly between the two"),),
    _blur,
)
BRIGHTNESS = Augmentor("Brightness", "Makes the image darker or brighter.", (_FACTOR,), _brightness)
COLOR = Augmentor("Color", "Makes the colours paler or stronger.", (_FACTOR,), _color)
CONTRAST = Augmentor("Contrast", "Lowers or raises the contrast.", (_FACTOR,), _contrast)
HUE = Augmentor(
    "Hue",
    "Turns the colours around the colour circle.",
    (
        Parameter(
            "value",
            (-10.0, 10.0),
            Range(-128, 128, whole=True),
            "turn, drawn evenly among the whole numbers; 256 is the full circle",
        ),
    ),
    _hue,
)
