"""Augmentors that turn and scale: bilinear for the image, nearest for the mask, in one step each."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmnet.augmentors.base import Augmentor, Parameter, Pictures
from lmnet.augmentors.kinds import Range
from lmnet.augmentors.outside import mean_color
from lmnet.datasets.base import VOID


def _rotate(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, angle_range: tuple[float, float]
) -> Pictures:
    angle = math.radians(rng.uniform(*angle_range))
    cos, sin = round(math.cos(angle), 15), round(math.sin(angle), 15)  # so that quarter turns are exact
    height, width = mask.shape
    y, x = height / 2, width / 2
    matrix = (cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y)
    # AFFINE rounds the coordinates of a turned mask but not of a turned image: at the rim one would end before the
    # other. PERSPECTIVE, here with nothing to converge, rounds neither.
    return _resampled(image, mask, (height, width), Image.Transform.PERSPECTIVE, (*matrix, 0.0, 0.0))


def _random_scale_crop(
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    rng: np.random.Generator,
    train_size: tuple[int, int],
    scale: tuple[float, float],
) -> Pictures:
    """Return a window of ``train_size`` out of the scaled picture, made without scaling the picture.

    Where the scaled picture is smaller than the window, the window holds all of it, anywhere.
    """
    lowest, highest = scale
    step = 1 / math.exp(rng.uniform(math.log(lowest), math.log(highest)))
    room = [have - step * n for have, n in zip(mask.shape, train_size, strict=True)]
    row, column = (rng.uniform(min(0.0, n), max(0.0, n)) for n in room)
    return _resampled(image, mask, train_size, Image.Transform.AFFINE, (step, 0.0, column, 0.0, step, row))


def _resampled(
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    size: tuple[int, int],
    method: Image.Transform,
    data: tuple[float, ...],
) -> Pictures:
    """Return image and mask of ``size`` (height, width); ``data`` leads from their pixels to those of the picture."""
    target = size[1], size[0]
    picture, classes = Image.fromarray(image), Image.fromarray(mask)
    return (
        np.asarray(picture.transform(target, method, data, Image.Resampling.BILINEAR, fillcolor=mean_color(image))),
        np.asarray(classes.transform(target, method, data, Image.Resampling.NEAREST, fillcolor=VOID)),
    )


ROTATE = Augmentor(
    "Rotate",
    "Turns the picture around its middle, counter-clockwise.",
    (Parameter("angle_range", (0.0, 90.0), Range(-360, 360), "angle in degrees, drawn evenly between the two"),),
    _rotate,
)
RANDOM_SCALE_CROP = Augmentor(
    "RandomScaleCrop",
    "Scales the picture and takes a window of the training size at a random place.",
    (Parameter("scale", (0.5, 2.0), Range(0.1, 10), "factor; halving and doubling are equally likely"),),
    _random_scale_crop,
    sized=True,
)
