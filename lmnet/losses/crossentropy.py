"""Crossentropy over the labelled pixels, with weights for the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops
from numpy.typing import NDArray

from lmnet.datasets.base import VOID, Dataset
from lmnet.datasets.statistics import class_frequencies
from lmnet.replicas import total
from lmnet.settings import Settings


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
        label, counted, pixels = _labels(y_true, y_pred)
        one_hot = ops.one_hot(label, y_pred.shape[-1], dtype=y_pred.dtype) * ops.expand_dims(counted, -1)
        weight = 1.0 - total(ops.sum(one_hot, axis=(0, 1, 2))) / pixels
        return _weighted_sum(label, y_pred, weight, counted) / pixels


@keras.saving.register_keras_serializable("lmnet")
class WeightedCrossentropy(keras.losses.Loss):
    """Mean over the non-void pixels of weights[y] * crossentropy(y, softmax(logits + adjustment * log(weights))).

    Weights pull a network towards rare classes: it learns them sooner, and in the end sees them where they are not.
    The adjustment keeps a share of that pull in the loss and out of the logits. After Menon et al., "Long-tail Learning
    via Logit Adjustment", ICLR 2021.

    Args:
        weights: one a class; the logit of a class with weight 0, which never occurs, is not adjusted.
        adjustment: the share; with 0 the logits lean as the weights do, with 1 as if all classes weighed the same.
    """

    def __init__(
        self,
        weights: Sequence[float],
        adjustment: float = 0.0,
        name: str = "weighted_crossentropy",
        reduction: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction)
        self.weights = [float(weight) for weight in weights]
        self.adjustment = float(adjustment)

    def call(self, y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        """Return the scalar loss; arguments as of ClassBalancedCrossentropy."""
        label, counted, pixels = _labels(y_true, y_pred)
        weight = ops.convert_to_tensor(self.weights, y_pred.dtype)
        pull = [self.adjustment * math.log(value or 1.0) for value in self.weights]
        logits = y_pred + ops.convert_to_tensor(pull, y_pred.dtype)
        return _weighted_sum(label, logits, weight, counted) / pixels

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"weights": self.weights, "adjustment": self.adjustment}


def _labels(y_true: KerasTensor, y_pred: KerasTensor) -> tuple[KerasTensor, KerasTensor, KerasTensor]:
    """Return classes int32, void as 0; 1 for each labelled pixel, 0 for void; the labelled pixels of the whole batch.

    A loss over that number is a replica's part of the mean: the parts of all replicas add up to it.
    """
    label = ops.cast(y_true, "int32")
    valid = ops.not_equal(label, VOID)
    counted = ops.cast(valid, y_pred.dtype)
    pixels = ops.maximum(total(ops.sum(counted)), 1.0)
    return ops.where(valid, label, ops.zeros_like(label)), counted, pixels


def _weighted_sum(label: KerasTensor, logits: KerasTensor, weight: KerasTensor, counted: KerasTensor) -> KerasTensor:
    crossentropy = ops.sparse_categorical_crossentropy(label, logits, from_logits=True)
    return ops.sum(crossentropy * ops.take(weight, label) * counted)


def class_weights(frequencies: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Return (median frequency / frequency)^power of each class, scaled so that the mean over all pixels is 1.

    With power 1 these are the weights of Eigen and Fergus, "Predicting Depth, Surface Normals and Semantic Labels",
    ICCV 2015; a class that never occurs gets weight 0.

    Args:
        frequencies: share of the labelled pixels, float64 [C], sum 1.
        power: 0 makes all weights equal.
    """
    occurs = frequencies > 0
    weights = np.zeros(len(frequencies))
    weights[occurs] = (np.median(frequencies[occurs]) / frequencies[occurs]) ** power
    return weights / (weights @ frequencies)


def class_balanced(settings: Settings, dataset: Dataset) -> keras.losses.Loss:
    """Return the loss whose weights are those of each batch."""
    return ClassBalancedCrossentropy()


def weighted(settings: Settings, dataset: Dataset) -> keras.losses.Loss:
    """Return the loss whose weights are those of the training split."""
    frequencies = class_frequencies(dataset.train, len(dataset.classes))
    weights = class_weights(frequencies, settings.class_weight_power)
    return WeightedCrossentropy(weights.tolist(), settings.logit_adjustment)
