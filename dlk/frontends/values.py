"""What a tensor of a foreign graph is in ours: a value in NCHW, its axes in the foreign order, and what is still to do.

A convolution, a bias, a normalisation and multiplications by constants are one layer here. So what is linear in a
channel is kept beside the value (``norm``) until something else reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
N, C, H, W = range(4)
NHWC, NCHW, NC = (N, H, W, C), (N, C, H, W), (N, C)


class RefusedError(Exception):
    """A node cannot be converted: the reason, and the rule that it breaks."""

    def __init__(self, reason: str, rule: str) -> None:
        super().__init__(reason)
        self.reason, self.rule = reason, rule


def need(holds: bool, reason: str, rule: str) -> None:
    """Raise ``RefusedError`` unless it holds."""
    if not holds:
        raise RefusedError(reason, rule)


@dataclass(frozen=True, slots=True)
class Norm:
    """``(x - mean) / sqrt(variance + epsilon) * gamma + beta`` by channel; float64 [C] each."""

    gamma: Doubles
    beta: Doubles
    mean: Doubles
    variance: Doubles
    epsilon: float

    @classmethod
    def linear(cls, slope: Doubles, offset: Doubles) -> Norm:
        """Return ``x * slope + offset``."""
        nought = np.zeros_like(slope)
        return cls(slope, offset, nought, np.ones_like(slope), 0.0)

    @classmethod
    def identity(cls, channels: int) -> Norm:
        """Return what changes nothing."""
        return cls.linear(np.ones(channels), np.zeros(channels))

    @property
    def is_linear(self) -> bool:
        """Return whether gamma and beta alone say what it does."""
        return self.epsilon == 0 and bool(np.all(self.mean == 0) and np.all(self.variance == 1))

    @property
    def is_identity(self) -> bool:
        """Return whether it changes nothing."""
        return self.is_linear and bool(np.all(self.gamma == 1) and np.all(self.beta == 0))

    def then(self, other: Norm) -> Norm:
        """Return both in one, this one first; constants that did not have to change are those of the graph."""
        if self.is_identity:
            return other
        if self.is_linear and np.all(self.gamma != 0):
            gamma, mean = other.gamma * self.gamma, (other.mean - self.beta) / self.gamma
            variance = other.variance
            return Norm(gamma, other.beta, mean, variance, other.epsilon)
        slope = other.gamma / np.sqrt(other.variance + other.epsilon)
        offset = other.beta - other.mean * slope
        return replace(self, gamma=self.gamma * slope, beta=self.beta * slope + offset)

    def part(self, channels: slice) -> Norm:
        """Return that of some of the channels."""
        vectors = (self.gamma[channels], self.beta[channels], self.mean[channels], self.variance[channels])
        return Norm(*vectors, self.epsilon)


@dataclass(frozen=True, slots=True)
class Limit:
    """The smaller of a value and ``top``; name: of the foreign node."""

    top: float
    name: str


@dataclass(slots=True, eq=False)
class Value:
    """A tensor of the foreign graph.

    name: the value in our graph, before ``norm``, then ``relu`` (the name of that node), then ``limit`` are applied;
    shape: its (C, H, W). axes: the foreign tensor's axis i is our axis ``axes[i]``; flat: these of our axes lie one in
    the other in the one axis of the foreign tensor.
    layer: the layer that norm belongs to. parts: values whose channels are joined to this one, while they are open.
    finished: the name of the value with everything applied, once there is one. limit: what it is at most.
    """

    name: str
    shape: tuple[int, int, int]
    axes: tuple[int, ...]
    norm: Norm | None = None
    layer: str = ""
    relu: str = ""
    flat: tuple[int, ...] = ()
    parts: tuple[Value, ...] = field(default=())
    finished: str = ""
    limit: Limit | None = None

    @property
    def channels(self) -> int:
        """Return C."""
        return self.shape[0]

    @property
    def open(self) -> bool:
        """Return whether a normalisation can still become a part of it."""
        return (self.norm is not None or bool(self.parts)) and not self.relu and not self.finished and not self.limit

    @property
    def foreign_shape(self) -> tuple[int, ...]:
        """Return the shape that the tensor has in its own graph."""
        if self.flat:
            return (1, int(np.prod(self.shape)))
        return tuple((1, *self.shape)[axis] for axis in self.axes)

    def axis(self, number: int) -> int:
        """Return which of our axes the foreign tensor's axis is."""
        need(not self.flat, "it works on a flattened tensor", "a flattened tensor goes into a matrix product")
        rank = len(self.axes)
        need(-rank <= number < rank, f"axis {number} of a tensor with {rank}", "an axis is one of the tensor's")
        return self.axes[number % rank]

    def by_channel(self, constant: NDArray[np.generic]) -> Doubles:
        """Return a constant that meets this tensor, by channel, float64 [C]."""
        rule = "a constant that meets a tensor is one number, or one for each channel"
        rank = len(self.axes)
        need(constant.ndim <= rank and not self.flat, f"a constant of shape {constant.shape}", rule)
        shape = (1,) * (rank - constant.ndim) + constant.shape
        for axis, size in zip(self.axes, shape, strict=True):
            need(size in ((1, self.channels) if axis == C else (1,)), f"a constant of shape {constant.shape}", rule)
        return np.broadcast_to(constant.astype(np.float64).reshape(-1), (self.channels,)).copy()
