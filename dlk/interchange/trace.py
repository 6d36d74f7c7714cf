"""What a file computes on images, as codes for the proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dlk.errors import VerificationError
from dlk.frontends.contract import Tap
from dlk.verify.executors import OUTPUT
from dlk.verify.golden import Golden

Floats = NDArray[np.float32]
Values = Callable[[Floats], dict[str, Floats]]
"""Input float32 [1,H,W,3] -> values by name of tensor."""

TOLERANCE = 1e-6
"""Of the largest value: levels are a quotient and a product of float32, each rounded once, so 2^-22 at the most."""


def traced(golden: Golden, run: Values, taps: Sequence[Tap]) -> Golden:
    """Return the images and inputs of ``golden`` with the codes and outputs that a file computes on them.

    Raises:
        VerificationError: a layer's values are no codes.
    """
    results = [run(image[np.newaxis]) for image in golden.input]
    codes = {tap.layer: np.concatenate([_codes(tap, found[tap.tensor]) for found in results]) for tap in taps}
    return replace(golden, codes=codes, output=np.concatenate([found[OUTPUT] for found in results]))


def _codes(tap: Tap, values: Floats) -> NDArray[np.uint8]:
    codes, table = tap.codes(values), tap.kind.values()
    wrong = np.abs(table[codes] - tap.nhwc(values)) > TOLERANCE * tap.kind.max_value
    if wrong.any():
        raise VerificationError(
            "the file computes values that are no activation codes",
            where=f"layer {tap.layer}",
            expected=", ".join(f"{value:g}" for value in table),
            received=f"{tap.nhwc(values)[wrong][0]:g}",
        )
    return codes
