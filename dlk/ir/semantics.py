"""The float64 chain that defines a quantized layer: from the convolution's sum to the code of the next layer.

``v = S * factor`` (integer sums only), ``b = (v - mean) / sqrt(variance + epsilon) * gamma + beta``,
``code = clip(floor(b / max * n + 0.5), 0, n)``, every operation in float64, in this order. ``factor`` is
``weight_scale * (max_in / n_in)``, these two multiplied first. Thresholds are found by evaluating nothing but this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dlk.ir.codes import CodeType

Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Norm:
    """Batch normalisation of C channels, after an optional ``factor`` per channel; float64 [C] each."""

    gamma: Float64s
    beta: Float64s
    mean: Float64s
    variance: Float64s
    epsilon: float
    factor: Float64s | None = None

    def __call__(self, sums: NDArray[np.generic]) -> Float64s:
        """Return b for sums [..., C]."""
        v = sums.astype(np.float64)
        if self.factor is not None:
            v = v * self.factor
        return (v - self.mean) / np.sqrt(self.variance + self.epsilon) * self.gamma + self.beta

    def of_channels(self, part: slice) -> Norm:
        """Return the normalisation of some of the channels."""
        factor = None if self.factor is None else self.factor[part]
        vectors = (self.gamma[part], self.beta[part], self.mean[part], self.variance[part])
        return Norm(*vectors, epsilon=self.epsilon, factor=factor)

    def affine(self) -> tuple[Float64s, Float64s]:
        """Return A and B [C] of b = A * S + B."""
        slope = self.gamma if self.factor is None else self.factor * self.gamma
        spread = np.sqrt(self.variance + self.epsilon)
        return slope / spread, self.beta - self.mean * self.gamma / spread


@dataclass(frozen=True, slots=True)
class Chain:
    """The whole chain of a quantized layer with C output channels."""

    norm: Norm
    output: CodeType

    @property
    def channels(self) -> int:
        """Return C."""
        return len(self.norm.gamma)

    def codes(self, sums: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Return the codes of sums [..., C] (int32 or float32)."""
        return self.output.codes(self.norm(sums))

    def of_channels(self, part: slice) -> Chain:
        """Return the chain of some of the channels."""
        return replace(self, norm=self.norm.of_channels(part))


def mean_magnitude(weights: NDArray[np.generic]) -> float:
    """Return the mean of |w|: the exact sum rounded once to float64, divided by the count.

    No order of summation can change it, so every implementation finds the same number.
    """
    return math.fsum(np.abs(weights.astype(np.float64)).ravel().tolist()) / weights.size


def storable(values: NDArray[np.generic]) -> NDArray[np.float32]:
    """Round constants once to float32; what would be subnormal becomes 0, -0 becomes +0, too large is infinite."""
    with np.errstate(over="ignore", under="ignore"):
        narrow = values.astype(np.float32)
    narrow[np.abs(narrow) < np.finfo(np.float32).tiny] = 0.0
    return narrow
