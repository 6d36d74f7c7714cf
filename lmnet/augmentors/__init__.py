"""Random changes of training samples: uint8 RGB images and their masks, before pre-processing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lmnet.augmentors.base import Augmentor, Parameter, Pictures, Value
from lmnet.augmentors.color import BRIGHTNESS, COLOR, CONTRAST, HUE
from lmnet.augmentors.flip import FLIP_LEFT_RIGHT
from lmnet.errors import LmnetError

__all__ = ["AUGMENTORS", "Augmentor", "Parameter", "augment", "check_augmentors"]

AUGMENTORS: dict[str, Augmentor] = {
    augmentor.name: augmentor for augmentor in (BRIGHTNESS, COLOR, CONTRAST, FLIP_LEFT_RIGHT, HUE)
}
"""Augmentors by name, in the order in which a prompt shows them."""


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
) -> Pictures:
    """Return image uint8 [H,W,3] and mask uint8 [H,W] after the chosen augmentors, in the order of the config.

    A pure function of its arguments and of the state of ``rng``; neither array is written.
    """
    for name, params in chosen.items():
        image, mask = AUGMENTORS[name](image, mask, rng, **params)
    return image, mask
