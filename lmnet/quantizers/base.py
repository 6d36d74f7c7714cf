"""What every quantizer is: a forward map, its gradient, its bits, and a numpy twin that computes the same numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from keras import KerasTensor, ops
from numpy.typing import NDArray


class Quantizer(ABC):
    """Maps a float tensor to few levels; rides on a Keras layer and is saved with it.

    Attributes:
        bits: bits that one quantized value needs.
    """

    bits: int

    @abstractmethod
    def __call__(self, x: KerasTensor) -> KerasTensor:
        """Return the quantized tensor, same shape and dtype as ``x``, with the quantizer's own gradient."""

    @abstractmethod
    def reference(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what ``__call__`` returns, in plain numpy."""

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the quantizer with these constructor arguments."""
        return cls(**config)


class BinaryQuantizer(Quantizer):
    """A quantizer whose values are the sign of ``x``, +1 for 0, times a mean of ``|x|``.

    Attributes:
        per_channel: one mean for each output channel, the last axis; else one for the whole kernel.
    """

    bits = 1
    per_channel: bool


class ActivationQuantizer(Quantizer):
    """A quantizer whose values are integer codes 0..2^bits - 1 times a step."""

    @abstractmethod
    def codes(self, y: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Return the codes of quantized values ``y``, same shape."""


Map = Callable[[KerasTensor], KerasTensor]


def straight_through(x: KerasTensor, forward: Map, passes: Map | None = None) -> KerasTensor:
    """Return ``forward(x)`` with a gradient that goes to ``x`` unchanged, but only where ``passes(x)``.

    Args:
        x: float tensor.
        forward: the quantization; its own derivative is not used.
        passes: boolean tensor, the shape of ``x``: where the gradient goes through; none: everywhere.
    """

    @ops.custom_gradient
    def quantize(x: KerasTensor) -> tuple[KerasTensor, Map]:
        def gradient(*args: KerasTensor, upstream: KerasTensor | None = None) -> KerasTensor:
            incoming = args[0] if upstream is None else upstream
            return incoming if passes is None else ops.where(passes(x), incoming, 0.0)

        return forward(x), gradient

    return quantize(x)
