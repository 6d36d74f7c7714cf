"""Activations as evenly spaced levels: ``y = floor(clip(x, 0, max) / max * n + 0.5) / n * max``, n = 2^bits - 1."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops
from numpy.typing import NDArray

from lmnet.quantizers.base import ActivationQuantizer, straight_through


@keras.saving.register_keras_serializable("lmnet")
class LinearMidTreadHalfQuantizer(ActivationQuantizer):
    """Clip to 0..max_value and round half up to the nearest of 2^bits levels.

    Backward: the gradient passes where 0 < x < max_value and is 0 elsewhere.

    Args:
        bits: bits of an activation code, 1 or more.
        max_value: value of the largest code, positive.
    """

    def __init__(self, bits: int = 2, max_value: float = 2.0) -> None:
        if bits < 1 or not max_value > 0:
            raise ValueError(f"Expected bits >= 1 and max_value > 0. Received: bits={bits}, max_value={max_value}")
        self.bits = int(bits)
        self.max_value = float(max_value)

    @property
    def levels(self) -> int:
        """Largest code, n = 2^bits - 1."""
        return 2**self.bits - 1

    def __call__(self, x: KerasTensor) -> KerasTensor:
        """Return the activation at the nearest level, the shape and dtype of ``x``, values i / n * max_value."""
        return straight_through(x, self._forward, lambda x: ops.logical_and(x > 0, x < self.max_value))

    def _forward(self, x: KerasTensor) -> KerasTensor:
        code = ops.floor(ops.clip(x, 0.0, self.max_value) / self.max_value * self.levels + 0.5)
        return code / self.levels * self.max_value

    def reference(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the same in numpy."""
        largest, n = np.float32(self.max_value), np.float32(self.levels)
        code = np.floor(np.clip(x, np.float32(0), largest) / largest * n + np.float32(0.5))
        return (code / n * largest).astype(np.float32)

    def codes(self, y: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Return the codes 0..n of quantized values ``y``, as ``round(y * n / max_value)``."""
        return np.rint(np.asarray(y, np.float64) * self.levels / self.max_value).astype(np.uint8)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"bits": self.bits, "max_value": self.max_value}
