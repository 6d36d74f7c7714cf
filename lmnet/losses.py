"""What training makes small."""

from __future__ import annotations

import keras
from keras import KerasTensor, ops

from lmnet.datasets.base import VOID


@keras.saving.register_keras_serializable("lmnet")
class ClassBalancedCrossentropy(keras.losses.Loss):
    """Mean over the non-void pixels of w[y] * crossentropy(y, softmax(logits)), with w[c] = 1 - n[c] / N.

    N is the number of non-void pixels of the batch and n[c] the number of those that belong to class c, so rare
    classes weigh most. A batch without any labelled pixel has loss 0.
    """

    def __init__(self, name: str = "class_balanced_crossentropy", reduction: str | None = None) -> None:
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        """Return the scalar loss.

        Args:
            y_true: class of each pixel [N, H, W], 0..C-1, or 255 for void.
            y_pred: logits float [N, H, W, C].
        """
        classes = y_pred.shape[-1]
        label = ops.cast(y_true, "int32")
        valid = ops.not_equal(label, VOID)
        label = ops.where(valid, label, ops.zeros_like(label))
        counted = ops.cast(valid, y_pred.dtype)
        pixels = ops.maximum(ops.sum(counted), 1.0)
        one_hot = ops.one_hot(label, classes, dtype=y_pred.dtype) * ops.expand_dims(counted, -1)
        weight = 1.0 - ops.sum(one_hot, axis=(0, 1, 2)) / pixels
        crossentropy = ops.sparse_categorical_crossentropy(label, y_pred, from_logits=True)
        return ops.sum(crossentropy * ops.take(weight, label) * counted) / pixels
