"""Augmentors that cover patches of the picture.

What is under a patch becomes VOID: the networks see about a hundred pixels far, so the inside of a large patch holds
nothing from which its class could be known, and learning it would be learning noise. ``labels="keep"`` leaves the mask
as it is, for small patches that the surroundings explain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lmnet.augmentors.base import Augmentor, Parameter, Pictures
from lmnet.augmentors.kinds import Choice, Color, Number, YesNo
from lmnet.datasets.base import VOID

_KEEP = "keep"
_BLACK = (0, 0, 0)

Patch = tuple[slice, slice]
"""Rows and columns."""


def _random_erasing(
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    rng: np.random.Generator,
    probability: float,
    sl: float,
    sh: float,
    r1: float,
    content_type: str,
    mean: tuple[int, int, int],
    labels: str,
) -> Pictures:
    if rng.random() >= probability:
        return image, mask
    area = rng.uniform(min(sl, sh), max(sl, sh)) * mask.size
    widest = abs(math.log(r1))
    aspect = math.exp(rng.uniform(-widest, widest))
    patch = _patch(rng, mask.shape, (round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))))
    content = rng.integers(0, 256, image[patch].shape, np.uint8) if content_type == "random" else mean
    return _covered(image, mask, [(patch, content)], labels)


def _random_patch_cut(
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    rng: np.random.Generator,
    num_patch: int,
    max_size: float,
    square: bool,
    labels: str,
) -> Pictures:
    most = [max(1, round(side * max_size / 100)) for side in mask.shape]
    patches = []
    for _ in range(int(num_patch)):
        if square:
            height = width = int(rng.integers(1, min(most), endpoint=True))
        else:
            height, width = (int(rng.integers(1, side, endpoint=True)) for side in most)
        patches.append((_patch(rng, mask.shape, (height, width)), _BLACK))
    return _covered(image, mask, patches, labels)


def _patch(rng: np.random.Generator, shape: tuple[int, ...], size: tuple[int, int]) -> Patch:
    """Return a patch of ``size`` (height, width) anywhere in the picture, cut to what it can hold."""
    height, width = (min(max(1, n), have) for n, have in zip(size, shape, strict=True))
    row = int(rng.integers(0, shape[0] - height, endpoint=True))
    column = int(rng.integers(0, shape[1] - width, endpoint=True))
    return slice(row, row + height), slice(column, column + width)


def _covered(
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    patches: Sequence[tuple[Patch, NDArray[np.uint8] | tuple[int, ...]]],
    labels: str,
) -> Pictures:
    image = image.copy()
    for patch, content in patches:
        image[patch] = content
    if labels == _KEEP:
        return image, mask
    mask = mask.copy()
    for patch, _ in patches:
        mask[patch] = VOID
    return image, mask


_LABELS = Parameter("labels", "void", Choice(("void", _KEEP)), "what the mask holds under a patch")

RANDOM_ERASING = Augmentor(
    "RandomErasing",
    "Covers a patch with one colour or with noise.",
    (
        Parameter("probability", 0.5, Number(0, 1), "share of the samples that get a patch"),
        Parameter("sl", 0.02, Number(0, 1), "smallest share of the picture that is covered"),
        Parameter("sh", 0.4, Number(0, 1), "largest share of the picture that is covered"),
        Parameter("r1", 0.3, Number(0.01, 1), "smallest height / width of the patch; 1 / r1 is the largest"),
        Parameter("content_type", "mean", Choice(("mean", "random")), "one colour, or noise"),
        Parameter("mean", (125, 122, 114), Color(), "that colour"),
        _LABELS,
    ),
    _random_erasing,
)
RANDOM_PATCH_CUT = Augmentor(
    "RandomPatchCut",
    "Covers some small patches with black.",
    (
        Parameter("num_patch", 1, Number(0, 100, whole=True), "patches in a picture"),
        Parameter("max_size", 10, Number(0, 100), "largest side of a patch, percent of the picture's"),
        Parameter("square", True, YesNo(), "height and width are equal"),
        _LABELS,
    ),
    _random_patch_cut,
)
