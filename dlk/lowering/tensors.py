"""What the steps of a program work on: tensors and their places, windows, what becomes of a sum, of a pixel."""

from __future__ import annotations

from dataclasses import dataclass
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
class Window:
    """Where a window of ``kernel`` rows and columns stands: its first row is y * stride - before, columns likewise."""

    kernel: tuple[int, int]
    stride: int = 1
    before: tuple[int, int] = (0, 0)

    @classmethod
    def same(cls, kernel: tuple[int, int], size: tuple[int, int], stride: int = 1) -> Window:
        """Return the window of SAME padding: the output has ceil(size / stride), the larger part of an odd padding
        stands behind.
        """
        total = [max((-(-n // stride) - 1) * stride + k - n, 0) for n, k in zip(size, kernel, strict=True)]
        return cls(kernel, stride, (total[0] // 2, total[1] // 2))


@dataclass(frozen=True, slots=True)
class Affine:
    """y = float32(float32(S) * scale) + bias, two roundings; float32 [channels] each."""

    scale: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one frame in the accelerator's memory, bytes: its commands, its input and its result."""

    commands: int
    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Placed:
    """Codes that stay in the accelerator's memory: the tensor by its layer's name, bytes from the memory's begin."""

    tensor: Tensor
    address: int


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How uint8 RGB pixels become the float input: 'DivideBy255' or 'PerImageStandardization'."""

    name: str
