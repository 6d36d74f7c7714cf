"""What the reference does with floats between layers, by the definition in docs/numerics.md, and how far errors carry.

Every operation is rounded to float32 by itself; a result that is subnormal or -0 is +0. ``errors`` bounds what a result
may differ by, float64, where the operands may differ by theirs: from another implementation in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlk.verify.reference_ops import Floats, Window, flushed

Doubles = NDArray[np.float64]
ROUNDING = 2.0**-22  # of one operation here and there, with room

_FUNCTIONS: dict[str, Callable[..., Floats]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Max": np.maximum,
    "Min": np.minimum,
}


@dataclass(frozen=True, slots=True)
class Pointwise:
    """One float for each element: Add, Sub, Mul, Max, Min, Relu or LeakyRelu, which multiplies by ``alpha`` below 0."""

    function: str
    alpha: float = 0.0

    def __call__(self, parts: Sequence[Floats]) -> list[Floats]:
        """Return the result, alone in a list."""
        if self.function in _FUNCTIONS:
            first, second = parts
            return [flushed(_FUNCTIONS[self.function](first, second))]
        (values,) = parts
        below = np.float32(0) if self.function == "Relu" else values * np.float32(self.alpha)
        return [flushed(np.where(values > 0, values, below).astype(np.float32))]

    def errors(self, parts: Sequence[Floats], errors: Sequence[Doubles], made: Sequence[Floats]) -> list[Doubles]:
        """Return the bound of each result."""
        last = ROUNDING * np.abs(made[0]).astype(np.float64)
        match self.function:
            case "Add" | "Sub":
                return [errors[0] + errors[1] + last]
            case "Mul":
                a, b = (np.abs(part).astype(np.float64) for part in parts)
                return [a * errors[1] + b * errors[0] + errors[0] * errors[1] + last]
            case "Max" | "Min":
                return [np.maximum(errors[0], errors[1])]
        return [errors[0] * max(1.0, abs(self.alpha)) + last]


@dataclass(frozen=True, slots=True)
class Mean:
    """The sum of each window, row by row, times float32(1 / number of its pixels); ``padded``: outside ones count."""

    window: Window
    padded: bool

    def __call__(self, parts: Sequence[Floats]) -> list[Floats]:
        """Return the means, alone in a list."""
        (values,) = parts
        total: Floats | None = None
        for *_, part in self.window.taps(values):
            total = part.copy() if total is None else total + part
        assert total is not None  # noqa: S101 - a window has at least one tap
        return [flushed(total * self._shares(values))]

    def errors(self, parts: Sequence[Floats], errors: Sequence[Doubles], made: Sequence[Floats]) -> list[Doubles]:
        """Return the bound of each result."""
        shares = self._shares(parts[0]).astype(np.float64)
        taps = self.window.kernel[0] * self.window.kernel[1]
        carried = sum(part for *_, part in self.window.taps(errors[0]))
        sizes = sum(part for *_, part in self.window.taps(np.abs(parts[0]).astype(np.float64)))
        return [(carried + (taps + 8) * ROUNDING * sizes) * shares]

    def _shares(self, values: Floats) -> Floats:
        inside = np.ones((*values.shape[:2], 1))
        taps = self.window.kernel[0] * self.window.kernel[1]
        count = sum(part for *_, part in self.window.taps(inside)) if not self.padded else np.float64(taps)
        return np.asarray(1 / np.maximum(count, 1), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Softmax:
    """Shares of the exponential function over the channels; both exp and the quotient are sums and products."""

    def __call__(self, parts: Sequence[Floats]) -> list[Floats]:
        """Return the shares, alone in a list."""
        (values,) = parts
        powers = exponential(values - values.max(axis=2, keepdims=True))
        total = np.zeros((*values.shape[:2], 1), np.float32)
        for channel in range(values.shape[2]):
            total += powers[:, :, channel, None]
        return [flushed(powers * reciprocal(total))]

    def errors(self, parts: Sequence[Floats], errors: Sequence[Doubles], made: Sequence[Floats]) -> list[Doubles]:
        """Return the bound of each result."""
        worst = errors[0].max(axis=2, keepdims=True)
        return [made[0].astype(np.float64) * (np.expm1(2 * worst) + 2.0**-16) + 2.0**-120]


def exponential(x: Floats) -> Floats:
    """Return exp of what is not above 0; below -87 it is 0."""
    one = np.float32
    inside = np.maximum(x, one(-87))
    k = np.trunc(inside * one(float.fromhex("0x1.715476p+0")) - one(0.5))
    r = (inside - k * one(float.fromhex("0x1.62ep-1"))) - k * one(float.fromhex("0x1.0bfbe8p-15"))
    value = np.full_like(x, one(float.fromhex("0x1.6c16c2p-10")))
    for factor in ("0x1.111112p-7", "0x1.555556p-5", "0x1.555556p-3", "0x1p-1", "0x1p0", "0x1p0"):
        value = value * r + one(float.fromhex(factor))
    grown = (value.view(np.int32) + k.astype(np.int32) * (1 << 23)).view(np.float32)
    return np.where(x < one(-87), one(0), grown)


def reciprocal(x: Floats) -> Floats:
    """Return 1 / x of what is at least 1, by four steps of Newton's method."""
    value = (np.int32(0x7EF311C7) - x.view(np.int32)).view(np.float32)
    for _ in range(4):
        value = value * (np.float32(2) - x * value)
    return value
