"""One layer of the reference: a convolution, its normalisation and its quantizer, by the definition.

Float first layer: float32, kernel row, column, channel ascending. Quantized layers: exact integer sums, then
normalisation and quantizer in float64. Logits: ``y = float32(float32(S) * A) + B``, A and B from float64, rounded once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.verify.reference_graph import Layer, Quantizer
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
        self.layer = layer
        self.source = source
        self.taps = math.prod(layer.kernel.shape[:3])
        self.spread = np.sqrt(layer.variance + layer.epsilon)
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
            return ordered_sums(values.astype(np.float32), self.weights, self.layer.window)
        return exact_sums(values, self.weights, self.layer.window)

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

    def judge(self, values: NDArray[np.generic], quantizer: Quantizer) -> LayerCodes:
        """Return codes and how far float32 arithmetic may stray."""
        layer = self.layer
        position = self.position(values, quantizer)
        boundary = np.clip(np.floor(position), 0, quantizer.n - 1) + 0.5
        weights = np.abs(self.weights.astype(np.float64))
        magnitude = magnitudes(np.abs(values.astype(np.float64)), weights, layer.window)
        if self.factor is not None:
            magnitude = magnitude * self.factor
        terms = (magnitude + np.abs(layer.mean)) / self.spread * np.abs(layer.gamma) + np.abs(layer.beta)
        bound = (self.taps + 8) * 2.0**-24 * terms / quantizer.max_value * quantizer.n
        return LayerCodes(codes_of(position, quantizer), position, np.abs(position - boundary), bound)


def _weight_scale(layer: Layer) -> Doubles | None:
    """Return the mean of |w| for each output channel, float64; the sum is exact before it is rounded."""
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
