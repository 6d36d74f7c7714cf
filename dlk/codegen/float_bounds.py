"""Prove that no float in a program can overflow, so that every machine computes the same finite numbers.

Without NaN and infinity, IEEE 754 leaves no choice to the hardware. The runtime refuses inputs of 2^64 or more;
from there the largest magnitude is followed through the steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.lowering.program import (
    Affine,
    ChannelAffine,
    Dequantize,
    FloatConv,
    Kind,
    Pointwise,
    Program,
    QuantConv,
    Softmax,
)

INPUT_LIMIT = 2.0**64  # exclusive; dlk_run refuses more
_LARGEST = 2.0**126
_LARGEST_WINDOW = 2.0**10
# A sum S * A + B that cancels is a multiple of the last place of A or B, so it stays normal when these are not tiny.
# ARMv7 NEON, which would flush a subnormal, may then do the sums.
_SMALLEST_AFFINE = 2.0**-100


def check_floats(program: Program) -> None:
    """Raise DlkError when a sum may overflow, or a constant is NaN, infinite or too small to be exact everywhere."""
    bound = {program.input: INPUT_LIMIT}
    for step in program.steps:
        if isinstance(step, FloatConv):
            _check_finite(step.weights, step.name, "weights")
            sums = np.abs(step.weights.astype(np.float64)).sum(axis=(0, 1, 2))
            peak = float(sums.max()) * bound[step.input]
            _check_bound(peak, step.name)
            if isinstance(step.epilogue, Affine):
                bound[step.output] = _affine_bound(step.epilogue, peak, step.name)
        elif isinstance(step, QuantConv):
            if isinstance(step.epilogue, Affine):
                kh, kw, cin, _ = step.weights.shape
                peak = float(kh * kw * cin * program.tensors[step.input].levels)
                bound[step.output] = _affine_bound(step.epilogue, peak, step.name)
                _check_small(step.epilogue, step.name)
        elif isinstance(step, Dequantize):
            _check_finite(step.table, step.name, "table")
            bound[step.output] = float(np.abs(step.table).max())
        elif isinstance(step, ChannelAffine):
            bound[step.output] = _affine_bound(step.epilogue, bound[step.input], step.name)
        elif isinstance(step, Pointwise):
            bound[step.output] = _pointwise_bound(step, [bound[name] for name in step.inputs])
            _check_bound(bound[step.output], step.name)
        elif isinstance(step, Softmax):
            bound[step.output] = 1.0
        elif program.tensors[step.reads[0]].kind is Kind.FLOAT:
            largest = max(bound[name] for name in step.reads)
            _check_bound(largest * _LARGEST_WINDOW, step.name)  # sums of an average pool
            bound.update(dict.fromkeys(step.writes, largest))


def _pointwise_bound(step: Pointwise, bounds: list[float]) -> float:
    match step.function:
        case "add" | "sub":
            return sum(bounds)
        case "mul":
            return bounds[0] * bounds[1]
        case "leaky_relu":
            return bounds[0] * max(1.0, abs(step.alpha))
    return max(bounds)


def _affine_bound(affine: Affine, peak: float, name: str) -> float:
    _check_finite(affine.scale, name, "scale")
    _check_finite(affine.bias, name, "bias")
    largest = float(np.abs(affine.scale.astype(np.float64)).max()) * peak + float(np.abs(affine.bias).max())
    _check_bound(largest, name)
    return largest


def _check_finite(values: NDArray[np.float32], name: str, what: str) -> None:
    if not np.isfinite(values).all():
        raise DlkError(f"The {what} of {name} hold NaN or infinity.", where=name, fix="train again, or a lower rate")


def _check_bound(peak: float, name: str) -> None:
    if not peak < _LARGEST:
        raise DlkError(
            f"The float sums of {name} may overflow.",
            where=name,
            expected=f"magnitudes below {_LARGEST:.3g} for inputs below {INPUT_LIMIT:.3g}",
            received=f"{peak:.3g}",
        )


def _check_small(affine: Affine, name: str) -> None:
    values = np.abs(np.concatenate([affine.scale, affine.bias]))
    tiny = values[(values > 0) & (values < _SMALLEST_AFFINE)]
    if tiny.size:
        raise DlkError(
            f"A constant of {name} is too small to give the same result on every machine.",
            where=name,
            expected=f"0 or at least {_SMALLEST_AFFINE:.3g}",
            received=f"{tiny.min():.3g}",
            fix="look for a channel whose batch-norm gamma has vanished",
        )
