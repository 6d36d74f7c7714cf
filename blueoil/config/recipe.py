"""What the config of ``blueoil init`` holds beside the answers: values measured on CamVid, each with its reason.

docs/training.md has the measurements, and says which of them are shown to pay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lmnet import networks
from lmnet.settings import Settings

LEAST_CROP = 96
"""A crop has at least this side, pixels: smaller ones show no whole object."""


@dataclass(frozen=True, slots=True)
class Part:
    """One value of the recipe.

    Attributes:
        why: a line for the config.
        value: what the field becomes, given the settings of the answers.
        fits: whether these settings have a use for it.
    """

    why: str
    value: Callable[[Settings], Any]
    fits: Callable[[Settings], bool] = lambda settings: True


def _crop_size(settings: Settings) -> tuple[int, int]:
    """Return half the image's sides, rounded up to what the network halves without a rest."""
    multiple = math.lcm(32, networks.architecture(settings.network)[0].size_multiple)
    height, width = (-(-side // (2 * multiple)) * multiple for side in settings.image_size)
    return height, width


_SCALE = {"RandomScaleCrop": {"scale": (0.6, 1.6)}}
_WIDER: Mapping[str, dict[str, Any]] = {name: {"value": (0.6, 1.4)} for name in ("Brightness", "Color", "Contrast")}


def _augmentors(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return a random scale, then the chosen augmentors, their colours in the recipe's ranges."""
    chosen = {name: _WIDER.get(name, parameters) for name, parameters in settings.augmentors.items()}
    return _SCALE | chosen | _SCALE  # first, where it is cheapest, and in our range if it was chosen too


def _is_quantized(settings: Settings) -> bool:
    return networks.float_twin(settings.network) != settings.network


PARTS: Mapping[str, Part] = {
    "crop_size": Part(
        "A step on half the sides takes a third of the time, and each epoch sees other places.",
        _crop_size,
        lambda settings: min(_crop_size(settings)) >= LEAST_CROP,
    ),
    "augmentors": Part(
        "RandomScaleCrop and wide colour ranges: other cameras see other distances and other light.",
        _augmentors,
        lambda settings: bool(settings.augmentors),
    ),
    "weight_decay": Part("Pulls every weight to 0, so that pictures are not learned by heart.", lambda settings: 0.02),
    "loss": Part("Thin and rare classes are learned from the first steps.", lambda settings: "weighted_crossentropy"),
    "logit_adjustment": Part(
        "Class weights make a trained network see rare things where there are none; this takes half of that back.",
        lambda settings: 0.5,
    ),
    "float_start": Part(
        "1-bit weights that start from a trained float twin need few steps of their own.",
        lambda settings: 1.0,
        _is_quantized,
    ),
    "weight_quantizer": Part(
        "A scale for each channel costs nothing in the library: it is part of the thresholds.",
        lambda settings: "binary_channel_wise_mean_scaling",
        _is_quantized,
    ),
}
"""Field to its part, in the order in which they are decided."""


def improve(settings: Settings) -> Settings:
    """Return the settings of the answers with the measured recipe beside them."""
    return Settings.model_validate(settings.model_dump() | _values(settings))


def reason(field: str, settings: Settings) -> str:
    """Return why the recipe has the value that these settings have; an empty text where they have another one."""
    part = PARTS.get(field)
    return part.why if part and getattr(settings, field) == _values(settings).get(field) else ""


def _values(settings: Settings) -> dict[str, Any]:
    return {field: part.value(settings) for field, part in PARTS.items() if part.fits(settings)}
