"""Writes the same kinds of operators as a frozen GraphDef of TensorFlow or as ONNX: what ``random_graphs`` draws with.

Which spelling of an operator is written (FusedBatchNorm, V2, V3 or its pieces; Split or SplitV; QONNX or QDQ) is drawn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pair = tuple[int, int]
Ends = tuple[Pair, Pair]  # (before, after) of rows and of columns


@dataclass(frozen=True, slots=True)
class Made:
    """A tensor of the graph.

    shape: (H, W, C); codes: its bits and max_value; image: pixels that were only moved; work: (number, multiply-adds,
    whether of floats) of each convolution behind the first layer that it depends on.
    """

    x: Any
    shape: tuple[int, int, int]
    codes: tuple[int, float] | None = None
    image: bool = False
    rank: int = 4
    work: frozenset[tuple[int, int, bool]] = frozenset()

    @property
    def channels(self) -> int:
        return self.shape[2]

    @property
    def mostly_float(self) -> bool:
        """Return whether more than half of the multiply-adds are of floats: the rule of docs/graphs.md."""
        return 2 * sum(work for _, work, floats in self.work if floats) > sum(work for _, work, _ in self.work)


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution. weights: float, tensor or channel (binary with so many scales), ternary.

    pads: before and after by axis, None: SAME.
    """

    outputs: int
    window: Pair = (3, 3)
    stride: int = 1
    pads: Ends | None = None
    group: int = 1
    weights: str = "tensor"
    bias: bool = False

    def size(self, size: Sequence[int]) -> Pair:
        """Return the rows and columns that it makes."""
        if self.pads is None:
            return -(-size[0] // self.stride), -(-size[1] // self.stride)
        made = [(n + sum(pad) - k) // self.stride + 1 for n, pad, k in zip(size, self.pads, self.window, strict=True)]
        return made[0], made[1]

    def around(self, size: Sequence[int]) -> Ends:
        """Return its pads, those of SAME as TensorFlow has them."""
        if self.pads is not None:
            return self.pads
        total = [
            max((made - 1) * self.stride + k - n, 0)
            for made, k, n in zip(self.size(size), self.window, size, strict=True)
        ]
        return (total[0] // 2, total[0] - total[0] // 2), (total[1] // 2, total[1] - total[1] // 2)


class Writer(ABC):
    """Each method adds one operator, or one idea in one of its spellings. size: rows and columns of the picture.

    half_up: whether its quantizers round a half up, as ours; else exact halves are kept out of their way.
    """

    suffix = ""

    def __init__(self, rng: Random, size: Pair) -> None:
        self.rng, self.size = rng, size
        self.numbers = np.random.default_rng(rng.getrandbits(32))
        self.count = 0
        self.half_up = True

    def scope(self, name: str = "") -> str:
        """Return a fresh scope for the nodes of one operator."""
        self.count += 1
        return name or f"part{self.count}"

    def draw_kernel(self, *shape: int, inputs: int) -> NDArray[Any]:
        """Return a kernel of any layout that keeps magnitudes."""
        return self.numbers.normal(size=shape) * np.sqrt(2 / inputs)

    def vectors(self, channels: int, *, scale: float = 1.0) -> tuple[NDArray[Any], ...]:
        """Return gamma, beta, mean and variance, as training leaves them."""
        numbers = self.numbers
        gamma = numbers.uniform(0.5, 1.5, channels) * numbers.choice([-1, 1, 1, 1, 1], channels)
        mean, variance = numbers.normal(0, 0.3, channels) * scale, numbers.uniform(0.3, 1.5, channels) * scale
        return gamma, numbers.uniform(0.2, 1.2, channels), mean, variance

    def conv(self, made: Made, conv: Conv, name: str = "") -> Made:
        """Add a convolution and count its work."""
        x = self._conv(made, conv, self.scope(name))
        size = conv.size(made.shape[:2])
        inputs = made.channels // conv.group * conv.window[0] * conv.window[1]
        work = self._work(made, size[0] * size[1] * conv.outputs * inputs, conv.weights)
        return Made(x, (*size, conv.outputs), work=made.work if made.image else work)

    def matrix(self, made: Made, outputs: int, weights: str = "float", name: str = "") -> Made:
        """Multiply a vector, or a flattened picture, by a matrix."""
        work = self._work(made, made.channels * made.shape[0] * made.shape[1] * outputs, weights)
        return Made(self._matrix(made, outputs, weights, self.scope(name)), (1, 1, outputs), rank=2, work=work)

    def _work(self, made: Made, count: int, weights: str) -> frozenset[tuple[int, int, bool]]:
        return made.work | {(self.count, count, weights == "float" or made.codes is None)}

    def changed(self, made: Made, x: Any, shape: tuple[int, int, int] | None = None, *, codes: bool = False) -> Made:
        """Return what an operator made of a tensor; codes: it moves values only."""
        kept = made if codes else replace(made, codes=None, image=False)
        return replace(kept, x=x, shape=shape or made.shape)

    def joined(self, parts: Sequence[Made], x: Any) -> Made:
        """Return the channels of several tensors as one."""
        shape = (*parts[0].shape[:2], sum(part.channels for part in parts))
        same = all(part.codes == parts[0].codes for part in parts)
        made = self.changed(parts[0], x, shape, codes=same)
        return replace(made, work=frozenset().union(*(part.work for part in parts)))

    @abstractmethod
    def start(self) -> Made:
        """Return the picture."""

    @abstractmethod
    def _conv(self, made: Made, conv: Conv, scope: str) -> Any: ...

    @abstractmethod
    def _matrix(self, made: Made, outputs: int, weights: str, scope: str) -> Any: ...

    @abstractmethod
    def norm(self, made: Made) -> Made:
        """Normalise by constants."""

    @abstractmethod
    def quantize(self, made: Made, bits: int, top: float, name: str = "") -> Made:
        """Make codes."""

    @abstractmethod
    def constant(self, made: Made, op: str, *, each: bool) -> Made:
        """Add, Sub, Mul or Div of a constant; each: one for each channel."""

    @abstractmethod
    def two(self, op: str, a: Made, b: Made) -> Made:
        """Add, Sub, Mul, Max or Min of two tensors."""

    @abstractmethod
    def rectify(self, made: Made, kind: str) -> Made:
        """Relu, LeakyRelu, Relu6, or by a maximum with 0 and a minimum with something."""

    @abstractmethod
    def pool(self, made: Made, window: Pair, stride: int, *, same: bool, mean: bool) -> Made:
        """The largest or the mean of each window."""

    @abstractmethod
    def concat(self, parts: Sequence[Made]) -> Made:
        """Join channels."""

    @abstractmethod
    def split(self, made: Made, sizes: Sequence[int]) -> list[Made]:
        """Part channels."""

    @abstractmethod
    def pad(self, made: Made, ends: Ends, channels: Pair = (0, 0)) -> Made:
        """Put zeros around."""

    @abstractmethod
    def deeper(self, made: Made, block: int) -> Made:
        """Space to depth."""

    @abstractmethod
    def wider(self, made: Made, block: int) -> Made:
        """Depth to space."""

    @abstractmethod
    def enlarge(self, made: Made, factor: int) -> Made:
        """Repeat pixels."""

    @abstractmethod
    def same(self, made: Made) -> Made:
        """Something that changes nothing."""

    @abstractmethod
    def mean(self, made: Made) -> Made:
        """The mean of rows and columns, as a picture of one pixel or as a vector."""

    @abstractmethod
    def flat(self, made: Made) -> Made:
        """One vector of all values; of a picture of one pixel too."""

    @abstractmethod
    def softmax(self, made: Made) -> Made:
        """Shares over the channels."""

    @abstractmethod
    def file(self, made: Made) -> bytes:
        """End with this output."""
