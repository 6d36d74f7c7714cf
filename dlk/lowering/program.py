"""The lowered network: a straight list of steps over named tensors, ready for code generation.

Everything that the generated library computes is here as plain numbers; nothing later decides anything about
arithmetic. Shapes are without the batch, (height, width, channels); spatial weights are (kh, kw, in, out).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray


class Kind(Enum):
    """How a tensor's values are held."""

    FLOAT = "float"  # float32 values
    CODES = "codes"  # unsigned codes in bit-planes


@dataclass(frozen=True, slots=True)
class Tensor:
    """One intermediate result; ``max_value`` is the value of the largest code, for codes only."""

    name: str
    kind: Kind
    shape: tuple[int, int, int]
    bits: int = 0
    max_value: float = 0.0

    @property
    def levels(self) -> int:
        """Return n, the largest code: 2^bits - 1."""
        return (1 << self.bits) - 1


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Exact requantisation of an ordered accumulator, per output channel.

    values: [channels, n], int32 for integer sums or float32 for the float layer.
    directions: int8 [channels]. +1: code = number of i with acc >= values[i] (values ascending);
    -1: code = number of i with acc <= values[i] (values descending).
    A threshold one past the reachable range means always or never (+-inf for float).
    """

    values: NDArray[np.int32] | NDArray[np.float32]
    directions: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Affine:
    """y = float32(float32(S) * scale) + bias, two roundings; float32 [channels] each."""

    scale: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FloatConv:
    """Float convolution, accumulated over kernel row, column, channel ascending in float32, then thresholds or affine.

    weights: float32 [kh, kw, cin, cout]; stride 1, SAME padding with zeros.
    """

    name: str
    input: str
    output: str
    weights: NDArray[np.float32]
    epilogue: Thresholds | Affine


@dataclass(frozen=True, slots=True)
class QuantConv:
    """Integer convolution S = sum(w * a) of +-1 weights and codes, then thresholds (codes) or affine (float32).

    weights: int8 [kh, kw, cin, cout], +1 or -1; stride 1, SAME padding with code 0.
    """

    name: str
    input: str
    output: str
    weights: NDArray[np.int8]
    epilogue: Thresholds | Affine


@dataclass(frozen=True, slots=True)
class SpaceToDepth:
    """Move 2x2 blocks of pixels into channels: out channel = (dy * 2 + dx) * C + c. Float or codes."""

    name: str
    input: str
    output: str
    block: int = 2


@dataclass(frozen=True, slots=True)
class DepthToSpace:
    """The inverse of SpaceToDepth: in channel = (dy * 2 + dx) * C + c. Float or codes."""

    name: str
    input: str
    output: str
    block: int = 2


@dataclass(frozen=True, slots=True)
class Dequantize:
    """Codes to float32 values by a table of n + 1 entries, each code * max / n in float64 rounded once."""

    name: str
    input: str
    output: str
    table: NDArray[np.float32]


Step = FloatConv | QuantConv | SpaceToDepth | DepthToSpace | Dequantize


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How uint8 RGB pixels become the float input: 'DivideBy255' or 'PerImageStandardization'."""

    name: str


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
