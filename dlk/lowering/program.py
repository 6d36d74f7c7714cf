"""The lowered network: a straight list of steps over named tensors, ready for code generation.

Everything that the generated library computes is here as plain numbers; nothing later decides anything about
arithmetic. Shapes are without the batch, (height, width, channels); spatial weights are (kh, kw, in, out).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dlk.lowering.tensors import Affine, Kind, Placed, Preprocess, Slot, Tensor, Thresholds, Window

__all__ = [
    "Accelerated",
    "Affine",
    "AveragePool",
    "ChannelAffine",
    "Concat",
    "DepthToSpace",
    "Dequantize",
    "FloatConv",
    "FloatThreshold",
    "Kind",
    "MaxPool",
    "Pad",
    "Placed",
    "Pointwise",
    "Preprocess",
    "Program",
    "QuantConv",
    "Slot",
    "Softmax",
    "SpaceToDepth",
    "Split",
    "Step",
    "Tensor",
    "Thresholds",
    "Window",
]


class _Step:
    """What all steps have: the tensors that they read and write, one each where a step does not say otherwise."""

    __slots__ = ()
    input: str
    output: str

    @property
    def reads(self) -> tuple[str, ...]:
        """Return the names of the tensors that the step needs."""
        return (self.input,)

    @property
    def writes(self) -> tuple[str, ...]:
        """Return the names of the tensors that the step makes."""
        return (self.output,)


@dataclass(frozen=True, slots=True)
class FloatConv(_Step):
    """Float convolution, accumulated over kernel row, column, channel ascending in float32, then thresholds or affine.

    weights: float32 [kh, kw, cin, cout]; zeros lie around the image. window: where it stands; None: stride 1, SAME.
    """

    name: str
    input: str
    output: str
    weights: NDArray[np.float32]
    epilogue: Thresholds | Affine
    window: Window | None = None

    @property
    def place(self) -> Window:
        """Return where the window stands."""
        rows, columns = self.weights.shape[:2]
        return self.window or Window((rows, columns), 1, (rows // 2, columns // 2))


@dataclass(frozen=True, slots=True)
class QuantConv(_Step):
    """Integer convolution S = sum(w * a) of weights and codes, then thresholds (codes) or affine (float32).

    weights: int8 [kh, kw, cin, cout], -1 and +1, or -1, 0 and +1 (ternary); any window; padding has code 0.
    window: where the window stands.
    """

    name: str
    input: str
    output: str
    weights: NDArray[np.int8]
    epilogue: Thresholds | Affine
    window: Window


@dataclass(frozen=True, slots=True)
class MaxPool(_Step):
    """The largest value of each window, by channel; what lies outside of the image never wins. Float or codes."""

    name: str
    input: str
    output: str
    window: Window


@dataclass(frozen=True, slots=True)
class AveragePool(_Step):
    """The mean of each window's floats: their sum over rows, then columns, times float32(1 / how many there are).

    padded: what lies outside of the image counts as zeros that are there; else it does not count.
    """

    name: str
    input: str
    output: str
    window: Window
    padded: bool = False


@dataclass(frozen=True, slots=True)
class ChannelAffine(_Step):
    """y = float32(x * scale) + bias of floats, by channel."""

    name: str
    input: str
    output: str
    epilogue: Affine


@dataclass(frozen=True, slots=True)
class FloatThreshold(_Step):
    """Codes of floats, by channel; a subnormal float counts as 0."""

    name: str
    input: str
    output: str
    epilogue: Thresholds


@dataclass(frozen=True, slots=True)
class Pointwise(_Step):
    """One float for each element: ``function`` is add, sub, mul, max or min of two tensors of one shape, or relu, or
    leaky_relu (x above 0, else x * alpha) of one. A result that is subnormal or -0 becomes +0.
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    function: str
    alpha: float = 0.0

    @property
    def reads(self) -> tuple[str, ...]:
        """Return the names of the one or two tensors."""
        return self.inputs


@dataclass(frozen=True, slots=True)
class Softmax(_Step):
    """exp(x - largest) / sum over the channels of a pixel, as docs/numerics.md defines exp and the quotient."""

    name: str
    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Concat(_Step):
    """Channels of several tensors one after the other: floats, or codes that have the same bits and max_value."""

    name: str
    inputs: tuple[str, ...]
    output: str

    @property
    def reads(self) -> tuple[str, ...]:
        """Return the names of the parts, in order."""
        return self.inputs


@dataclass(frozen=True, slots=True)
class Split(_Step):
    """The channels of a tensor in parts, in order; the parts' channels add up to the input's. Float or codes."""

    name: str
    input: str
    outputs: tuple[str, ...]

    @property
    def writes(self) -> tuple[str, ...]:
        """Return the names of the parts, in order."""
        return self.outputs


@dataclass(frozen=True, slots=True)
class Pad(_Step):
    """Zeros (code 0) around a tensor: (before, after) rows, columns, channels. Float or codes."""

    name: str
    input: str
    output: str
    rows: tuple[int, int]
    columns: tuple[int, int]
    channels: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SpaceToDepth(_Step):
    """Move 2x2 blocks of pixels into channels: out channel = (dy * 2 + dx) * C + c. Float or codes."""

    name: str
    input: str
    output: str
    block: int = 2


@dataclass(frozen=True, slots=True)
class DepthToSpace(_Step):
    """The inverse of SpaceToDepth: in channel = (dy * 2 + dx) * C + c. Float or codes."""

    name: str
    input: str
    output: str
    block: int = 2


@dataclass(frozen=True, slots=True)
class Dequantize(_Step):
    """Codes to float32 values by a table of n + 1 entries, each code * max / n in float64 rounded once."""

    name: str
    input: str
    output: str
    table: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Accelerated(_Step):
    """All quantized convolutions, with the moves between them, as one list of commands; layouts in dlk/hw/README.md.

    layers: the convolutions, one command each. image: uint64, what stands at the begin of the accelerator's memory:
    the commands of each slot, with addresses from 0 on, and the parameters. size: bytes of the whole memory.
    sum_words: words of sums a pixel; 0 where the last layer writes codes. epilogue: of the sums.
    codes: what each layer writes, for a look inside. macs: multiply-adds by the definition, padding included.
    """

    name: str
    input: str
    output: str
    layers: tuple[str, ...]
    image: NDArray[np.uint64]
    size: int
    slots: tuple[Slot, ...]
    codes: tuple[Placed, ...]
    sum_words: int
    epilogue: Affine | None
    macs: int


Step = (
    FloatConv
    | QuantConv
    | MaxPool
    | AveragePool
    | ChannelAffine
    | FloatThreshold
    | Pointwise
    | Softmax
    | SpaceToDepth
    | DepthToSpace
    | Concat
    | Split
    | Pad
    | Dequantize
    | Accelerated
)


@dataclass(frozen=True, slots=True)
class Program:
    """The whole network in execution order; ``tensors`` holds every name that a step reads or writes."""

    name: str
    input: str
    output: str
    tensors: dict[str, Tensor]
    steps: tuple[Step, ...]
    classes: tuple[str, ...]
    preprocess: Preprocess
    metadata: dict[str, str] = field(default_factory=dict)
