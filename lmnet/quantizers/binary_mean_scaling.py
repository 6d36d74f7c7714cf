"""One bit a weight, one scale a kernel: ``y = sign(x) * mean|x|``."""

from __future__ import annotations

import keras
import numpy as np
from keras import KerasTensor, ops
from numpy.typing import NDArray

from lmnet.quantizers.base import BinaryQuantizer, straight_through


@keras.saving.register_keras_serializable("lmnet")
class BinaryMeanScalingQuantizer(BinaryQuantizer):
    """Sign of each weight times the mean magnitude of the whole kernel; sign(0) is +1.

    Backward: the gradient passes unchanged, without clipping; the scale counts as a constant.
    """

    per_channel = False

    def __call__(self, x: KerasTensor) -> KerasTensor:
        """Return the binary kernel: float [kh, kw, in, out] of two values, -scale and +scale."""
        return straight_through(x, self._forward)

    def _forward(self, x: KerasTensor) -> KerasTensor:
        scale = ops.mean(ops.abs(x))
        return ops.where(x >= 0, scale, -scale)

    def reference(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the same in numpy."""
        scale = np.float32(np.mean(np.abs(x), dtype=np.float64))
        return np.where(x >= 0, scale, -scale).astype(np.float32)
