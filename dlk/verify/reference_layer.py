"""One layer of the reference: a convolution, or none, its normalisation and its quantizer, by the definition.

Float first layer: float32, kernel row, column, channel ascending. Quantized layers: exact integer sums, then
normalisation and quantizer in float64. Logits: ``y = float32(float32(S) * A) + B``, A and B from float64, rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.verify.reference_floats import ROUNDING
from dlk.verify.reference_graph import Layer, Norm, Quantizer
from dlk.verify.reference_ops import Codes, Floats, exact_sums, flushed, magnitudes, ordered_sums

Doubles = NDArray[np.float64]

_EXACT = 1 << 24  # integers below it are exact in float32, in any order of summation


@dataclass(frozen=True, slots=True)
class LayerCodes:
    """One layer on given inputs, with what is needed to judge another implementation in float32; all [h, w, c].

    codes: those of the definition. position: the normalised value in units of the quantizer, where the code changes at
    0.5, 1.5 ... n - 0.5. distance: from the position to the nearest change. bound: by how much float32 arithmetic may
    move the position, (K + 8) * 2^-24 * the sum of all terms' magnitudes, those of the normalisation included.
    """

    codes: Codes
    position: Doubles
    distance: Doubles
    bound: Doubles

    def unexplained(self, other: Codes) -> NDArray[np.bool_]:
        """Return where ``other`` differs from the codes by more than a rounding within the bound can explain."""
        theirs = other.astype(np.float64)
        crossed = np.where(other > self.codes, theirs - 0.5 - self.position, self.position - (theirs + 0.5))
        return (other != self.codes) & ~(crossed <= self.bound)  # not a number explains nothing


class ExecutableLayer:
    """One layer with its constants made ready; ``source`` is the quantizer of the codes it reads, None for floats."""

    def __init__(self, name: str, layer: Layer, source: Quantizer | None) -> None:
        self.layer: Any = layer
        self.source = source
        self.taps = math.prod(layer.kernel.shape[:3])
        self.spread = np.sqrt(layer.variance + layer.epsilon)
        signs = layer.kernel
        if layer.scale is None:
            signs = np.where(layer.kernel >= 0, np.float32(1), np.float32(-1))
        scale = _weight_scale(layer)
        self.factor: Doubles | None = None
        if source is None:
            weights = layer.kernel if scale is None else signs * scale.astype(np.float32)
            self.weights = flushed(weights.astype(np.float32))
            return
        if scale is None:
            raise DlkError("a float kernel on codes has no integer sums", where=name)
        if source.n * self.taps >= _EXACT:
            raise DlkError("the sums of a layer may not be exact in float32", where=name)
        self.weights = signs
        self.factor = scale * (source.max_value / source.n)

    def run(self, values: NDArray[np.generic]) -> Codes | Floats:
        """Return the layer's codes, or the logits of one without quantizer."""
        quantizer = self.layer.quantizer
        return self.logits(values) if quantizer is None else codes_of(self.position(values, quantizer), quantizer)

    def sums(self, values: NDArray[np.generic]) -> Floats:
        """Return S (exact integers) or the ordered float32 sum, [h, w, out]."""
        if self.source is None:
            return self._grouped(ordered_sums, values.astype(np.float32), self.weights)
        return self._grouped(exact_sums, values, self.weights)

    def _grouped(self, convolve: Callable[..., Any], values: NDArray[Any], kernel: NDArray[Any]) -> Any:
        """Convolve each group of channels by itself."""
        group = self.layer.group
        if group == 1:
            return convolve(values, kernel, self.layer.window)
        parts = zip(np.split(values, group, axis=2), np.split(kernel, group, axis=3), strict=True)
        return np.concatenate([convolve(part, weights, self.layer.window) for part, weights in parts], axis=2)

    def magnitude(self, values: NDArray[np.generic]) -> Doubles:
        """Return the sum of all terms' magnitudes, scaled as the sum is, [h, w, out or 1]."""
        weights = np.abs(self.weights.astype(np.float64))
        convolve = magnitudes if self.layer.group == 1 else exact_sums
        found: Doubles = self._grouped(convolve, np.abs(values.astype(np.float64)), weights)
        return found if self.factor is None else found * self.factor

    def position(self, values: NDArray[np.generic], quantizer: Quantizer) -> Doubles:
        """Return b / max * n in float64, [h, w, out]."""
        b = self.sums(values).astype(np.float64)
        if self.factor is not None:
            b *= self.factor
        b -= self.layer.mean
        b /= self.spread
        b *= self.layer.gamma
        b += self.layer.beta
        b /= quantizer.max_value
        b *= quantizer.n
        return b

    def logits(self, values: NDArray[np.generic]) -> Floats:
        """Return the float32 values of a last layer without quantizer."""
        layer = self.layer
        slope = layer.gamma if self.factor is None else self.factor * layer.gamma
        a = flushed((slope / self.spread).astype(np.float32))
        b = flushed((layer.beta - layer.mean * layer.gamma / self.spread).astype(np.float32))
        return self.sums(values) * a + b

    def judge(self, values: NDArray[np.generic], quantizer: Quantizer, errors: Doubles | None = None) -> LayerCodes:
        """Return codes and how far float32 arithmetic may stray; errors: what the values may differ by."""
        position = self.position(values, quantizer)
        boundary = np.clip(np.floor(position), 0, quantizer.n - 1) + 0.5
        bound = self._strays(values, 2.0**-24, errors) / quantizer.max_value * quantizer.n
        return LayerCodes(codes_of(position, quantizer), position, np.abs(position - boundary), bound)

    def errors(self, values: NDArray[np.generic], errors: Doubles | None) -> Doubles:
        """Return what the float results may differ by."""
        strays = self._strays(values, ROUNDING, errors)
        return np.broadcast_to(strays, (*strays.shape[:2], len(self.layer.gamma)))

    def _strays(self, values: NDArray[np.generic], rounding: float, errors: Doubles | None) -> Doubles:
        layer = self.layer
        slope = np.abs(layer.gamma) / self.spread
        terms = (self.magnitude(values) + np.abs(layer.mean)) / self.spread * np.abs(layer.gamma) + np.abs(layer.beta)
        strays: Doubles = (self.taps + 8) * rounding * terms
        return strays if errors is None else strays + self.magnitude(errors) * slope


class ExecutableNorm(ExecutableLayer):
    """The normalisation, and quantizer, of floats that no convolution has made."""

    def __init__(self, layer: Norm) -> None:
        self.layer: Any = layer
        self.source = None
        self.taps = 0
        self.spread = np.sqrt(layer.variance + layer.epsilon)
        self.factor = None

    def sums(self, values: NDArray[np.generic]) -> Floats:
        """Return the values; a subnormal one counts as 0."""
        return flushed(values.astype(np.float32))

    def magnitude(self, values: NDArray[np.generic]) -> Doubles:
        """Return the values' magnitudes."""
        return np.abs(values.astype(np.float64))

    def logits(self, values: NDArray[np.generic]) -> Floats:
        """Return the float32 values of one without quantizer."""
        return flushed(super().logits(values))


def _weight_scale(layer: Layer) -> Doubles | None:
    """Return the mean of |w| for each output channel, float64; the sum is exact before it is rounded."""
    if layer.scale is not None:
        return layer.scale
    if not layer.scaling:
        return None
    magnitudes = np.abs(layer.kernel.astype(np.float64))
    outputs = magnitudes.shape[-1]
    if layer.scaling == "tensor":
        return np.full(outputs, math.fsum(magnitudes.ravel().tolist()) / magnitudes.size)
    per_channel = magnitudes.reshape(-1, outputs)
    return np.array([math.fsum(column.tolist()) / len(per_channel) for column in per_channel.T])


def codes_of(position: Doubles, quantizer: Quantizer) -> Codes:
    """Return the codes of positions b / max * n: half goes up."""
    return np.clip(np.floor(position + 0.5), 0, quantizer.n).astype(np.uint8)
