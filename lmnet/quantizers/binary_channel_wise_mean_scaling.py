"""One bit a weight, one scale an output channel: ``y[..., c] = sign(x[..., c]) * mean|x[..., c]|``."""

from __future__ import annotations

import keras
import numpy as np
from keras import KerasTensor, ops
from numpy.typing import NDArray

from lmnet.quantizers.base import BinaryQuantizer, straight_through


@keras.saving.register_keras_serializable("lmnet")
class BinaryChannelWiseMeanScalingQuantizer(BinaryQuantizer):
    """Sign of each weight times the mean magnitude of its output channel, the last axis; sign(0) is +1.

    Backward: the gradient passes unchanged, without clipping; the scales count as constants.
    """

    per_channel = True

    def __call__(self, x: KerasTensor) -> KerasTensor:
        """Return the binary kernel: float [kh, kw, in, out], two values in each output channel."""
        return straight_through(x, self._forward)

    def _forward(self, x: KerasTensor) -> KerasTensor:
        scale = ops.mean(ops.abs(x), axis=tuple(range(len(x.shape) - 1)), keepdims=True)
        return ops.where(x >= 0, scale, -scale)

    def reference(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the same in numpy."""
        scale = np.abs(x).mean(axis=tuple(range(x.ndim - 1)), keepdims=True, dtype=np.float64).astype(np.float32)
        return np.where(x >= 0, scale, -scale).astype(np.float32)
