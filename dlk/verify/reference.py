"""The reference: model.onnx executed as exported, in numpy, by the definition and by nothing else.

No pass, threshold or folded value of the converter is used here, so that a wrong one cannot hide. Float first layer:
float32, kernel row, column, channel ascending. Quantized layers: exact integer sums, then normalisation and quantizer
in float64. Logits: ``y = float32(float32(S) * A) + B``, A and B from float64, rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.ir.files import read_model
from dlk.verify.reference_graph import Layer, Move, Quantizer, read_chain

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

INPUT = "input"
OUTPUT = "output"
_TINY = np.finfo(np.float32).tiny
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


class Reference:
    """An executor like any other: ``run`` and ``trace`` on float32 [H, W, 3]."""

    name = "reference"

    def __init__(self, path: Path) -> None:
        chain = read_chain(read_model(path))
        self._input_shape = chain.input_shape
        self._last_moves = chain.last_moves
        self._layers: dict[str, _Executable] = {}
        self._sources: dict[str, str] = {}
        previous: Layer | None = None
        for layer in chain.layers:
            if layer.name in self._layers or layer.name in (INPUT, OUTPUT):
                raise DlkError("the reference needs a name of its own for each layer", where=layer.name)
            source = previous.quantizer if previous is not None else None
            if previous is not None and source is None:
                raise DlkError("a layer in the middle has no activation quantizer", where=previous.name)
            self._layers[layer.name] = _Executable(layer, source)
            self._sources[layer.name] = previous.name if previous is not None else INPUT
            previous = layer

    @property
    def quantized_layers(self) -> tuple[str, ...]:
        """Return the names of the layers that give codes, in execution order."""
        return tuple(name for name, executable in self._layers.items() if executable.layer.quantizer is not None)

    def source(self, name: str) -> str:
        """Return the layer whose codes the layer reads, or ``input``."""
        return self._sources[name]

    def run(self, values: Floats) -> Floats:
        """Return the output, float32 [H, W, C]."""
        return self.trace(values)[OUTPUT]

    def trace(self, values: Floats) -> dict[str, NDArray[Any]]:
        """Return the codes (uint8) of every quantized layer in order, then ``output`` (float32)."""
        return dict(self._execute(values))

    def layer_codes(self, name: str, source: Codes | Floats) -> LayerCodes:
        """Compute one quantized layer alone.

        source: the codes of ``self.source(name)`` as that layer gave them (moves between space and depth are done
        here), or the float32 network input for the first layer.
        """
        executable = self._layers[name]
        if executable.layer.quantizer is None:
            raise DlkError("the layer gives no codes", where=name)
        if self.source(name) == INPUT:
            source = self._checked(source)
        return executable.judge(_move(source, executable.layer.moves), executable.layer.quantizer)

    def _execute(self, values: Floats) -> Iterator[tuple[str, NDArray[Any]]]:
        current: NDArray[Any] = self._checked(values)
        quantizer: Quantizer | None = None
        for name, executable in self._layers.items():
            current = _move(current, executable.layer.moves)
            quantizer = executable.layer.quantizer
            if quantizer is None:
                current = executable.logits(current)
            else:
                current = _codes(executable.position(current, quantizer), quantizer)
                yield name, current
        if quantizer is not None:
            steps = np.arange(quantizer.n + 1, dtype=np.float64)
            current = (steps * quantizer.max_value / quantizer.n).astype(np.float32)[current.astype(np.intp)]
        yield OUTPUT, _move(current, self._last_moves)

    def _checked(self, values: NDArray[np.generic]) -> Floats:
        if values.shape != self._input_shape or values.dtype != np.float32 or not np.all(np.isfinite(values)):
            raise DlkError(
                "the reference cannot run on this input",
                expected=f"finite float32 {list(self._input_shape)}",
                received=f"{values.dtype} {list(values.shape)}",
            )
        return _flushed(values.astype(np.float32))


class _Executable:
    """One layer with its constants made ready; ``source`` is the quantizer of the codes it reads, None for floats."""

    def __init__(self, layer: Layer, source: Quantizer | None) -> None:
        self.layer = layer
        self.source = source
        self.taps = math.prod(layer.kernel.shape[:3])
        self.spread = np.sqrt(layer.variance + layer.epsilon)
        signs = np.where(layer.kernel >= 0, np.float32(1), np.float32(-1))
        scale = _weight_scale(layer)
        self.factor: Doubles | None = None
        if source is None:
            weights = layer.kernel if scale is None else signs * scale.astype(np.float32)
            self.weights = _flushed(weights.astype(np.float32))
            return
        if scale is None:
            raise DlkError("a float kernel on codes has no integer sums", where=layer.name)
        if source.n * self.taps >= _EXACT:
            raise DlkError("the sums of a layer may not be exact in float32", where=layer.name)
        self.weights = signs
        self.factor = scale * (source.max_value / source.n)

    def sums(self, values: NDArray[np.generic]) -> Floats:
        """Return S (exact integers) or the ordered float32 sum, [h, w, out]."""
        if self.source is None:
            return _ordered_sums(values.astype(np.float32), self.weights)
        return _exact_sums(values, self.weights)

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
        a = _flushed((slope / self.spread).astype(np.float32))
        b = _flushed((layer.beta - layer.mean * layer.gamma / self.spread).astype(np.float32))
        return self.sums(values) * a + b

    def judge(self, values: NDArray[np.generic], quantizer: Quantizer) -> LayerCodes:
        """Return codes and how far float32 arithmetic may stray."""
        layer = self.layer
        position = self.position(values, quantizer)
        boundary = np.clip(np.floor(position), 0, quantizer.n - 1) + 0.5
        magnitude = _magnitudes(np.abs(values.astype(np.float64)), np.abs(self.weights.astype(np.float64)))
        if self.factor is not None:
            magnitude = magnitude * self.factor
        terms = (magnitude + np.abs(layer.mean)) / self.spread * np.abs(layer.gamma) + np.abs(layer.beta)
        bound = (self.taps + 8) * 2.0**-24 * terms / quantizer.max_value * quantizer.n
        return LayerCodes(_codes(position, quantizer), position, np.abs(position - boundary), bound)


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


def _codes(position: Doubles, quantizer: Quantizer) -> Codes:
    return np.clip(np.floor(position + 0.5), 0, quantizer.n).astype(np.uint8)


def _windows(values: NDArray[np.generic], kernel: NDArray[np.generic]) -> Iterator[tuple[int, int, NDArray]]:
    """Yield (row, column, shifted input [h, w, in]) of every tap of the window, zeros outside the image."""
    height, width, _ = values.shape
    rows, columns = kernel.shape[:2]
    padded = np.pad(values, ((rows // 2, rows // 2), (columns // 2, columns // 2), (0, 0)))
    for row in range(rows):
        for column in range(columns):
            yield row, column, padded[row : row + height, column : column + width]


def _exact_sums(values: NDArray[np.generic], kernel: NDArray) -> NDArray:
    """Convolve by matrix products, in the kernel's dtype; exact for integers below 2^24 in float32."""
    height, width, channels = values.shape
    total = np.zeros((height * width, kernel.shape[-1]), dtype=kernel.dtype)
    for row, column, part in _windows(values.astype(kernel.dtype), kernel):
        total += part.reshape(height * width, channels) @ kernel[row, column]
    return total.reshape(height, width, -1)


def _magnitudes(values: Doubles, kernel: Doubles) -> Doubles:
    """Convolve with a kernel that is not negative; where it is 1 throughout, once for all outputs: [h, w, out or 1]."""
    if np.all(kernel == 1):
        return _exact_sums(values.sum(-1, keepdims=True), kernel[:, :, :1, :1])
    return _exact_sums(values, kernel)


def _ordered_sums(values: Floats, kernel: Floats) -> Floats:
    """Convolve in the defined order: each product and each sum is rounded to float32."""
    acc = np.zeros((*values.shape[:2], kernel.shape[-1]), dtype=np.float32)
    product = np.empty_like(acc)
    for row, column, part in _windows(values, kernel):
        for channel in range(values.shape[2]):
            np.multiply(part[:, :, channel, None], kernel[row, column, channel], out=product)
            acc += product
    return _flushed(acc)


def _flushed(values: Floats) -> Floats:
    """Return the values with 0 for subnormal numbers and for -0."""
    return np.where(np.abs(values) < _TINY, np.float32(0), values)


def _move(values: NDArray, moves: tuple[Move, ...]) -> NDArray:
    """Move blocks of pixels into channels or back: channel = (dy * block + dx) * C + c."""
    for move in moves:
        height, width, channels = values.shape
        b = move.block
        if move.deeper:
            blocks = values.reshape(height // b, b, width // b, b, channels).transpose(0, 2, 1, 3, 4)
            values = blocks.reshape(height // b, width // b, b * b * channels)
        else:
            blocks = values.reshape(height, width, b, b, channels // (b * b)).transpose(0, 2, 1, 3, 4)
            values = blocks.reshape(height * b, width * b, channels // (b * b))
    return values
