"""Random changes of training samples: uint8 RGB images and their masks, before pre-processing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lmnet.augmentors.affine import RANDOM_SCALE_CROP, ROTATE
from lmnet.augmentors.base import Augmentor, Parameter, Pictures
from lmnet.augmentors.color import BLUR, BRIGHTNESS, COLOR, CONTRAST, HUE
from lmnet.augmentors.erase import RANDOM_ERASING, RANDOM_PATCH_CUT
from lmnet.augmentors.flip import FLIP_LEFT_RIGHT, FLIP_TOP_BOTTOM
from lmnet.augmentors.kinds import Choice, Color, Number, Range, Size, Value, YesNo
from lmnet.augmentors.outside import random_window
from lmnet.augmentors.window import CROP, PAD
from lmnet.errors import LmnetError
from lmnet.registry import Registry

__all__ = [
    "AUGMENTORS",
    "USUAL",
    "Augmentor",
    "Choice",
    "Color",
    "Number",
    "Parameter",
    "Range",
    "Size",
    "Value",
    "YesNo",
    "augment",
    "check_augmentors",
]

_BUILT_IN = (
    BLUR,
    BRIGHTNESS,
    COLOR,
    CONTRAST,
    CROP,
    FLIP_LEFT_RIGHT,
    FLIP_TOP_BOTTOM,
    HUE,
    PAD,
    RANDOM_ERASING,
    RANDOM_PATCH_CUT,
    RANDOM_SCALE_CROP,
    ROTATE,
)
AUGMENTORS: Registry[Augmentor] = Registry("augmentor", {augmentor.name: augmentor for augmentor in _BUILT_IN})
"""Augmentors by name, in the order in which a prompt shows them: by the alphabet."""

USUAL = ("Brightness", "Color", "Contrast", "FlipLeftRight", "Hue")
"""Those that a prompt selects before anybody chooses: the tutorial's."""


def check_augmentors(chosen: Mapping[str, Mapping[str, Value]]) -> None:
    """Check the augmentors of a config, names and parameters.

    Raises:
        LmnetError: a name or parameter is unknown, or a value is not allowed.
    """
    for name, params in chosen.items():
        if name not in AUGMENTORS:
            raise LmnetError(
                f"there is no augmentor {name}",
                expected=", ".join(AUGMENTORS),
                received=name,
                fix="correct the name in AUGMENTORS of the config",
            )
        AUGMENTORS[name].check(dict(params))


def augment(
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    rng: np.random.Generator,
    chosen: Mapping[str, Mapping[str, Value]],
    size: tuple[int, int],
) -> Pictures:
    """Return image uint8 [h,w,3] and mask uint8 [h,w] after the chosen augmentors, in the order of the config.

    A pure function of its arguments and of the state of ``rng``; neither array is written.

    Args:
        image: RGB uint8 [H,W,3].
        mask: class indices and VOID, uint8 [H,W].
        rng: every random number comes from it.
        chosen: names of augmentors and their parameters.
        size: height and width of what is returned; a picture that does not have them in the end is cut, or bordered
            with void, at a random place.
    """
    for name, params in chosen.items():
        image, mask = AUGMENTORS[name](image, mask, rng, size, **params)
    return random_window(image, mask, rng, size)
