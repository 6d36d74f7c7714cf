"""Scores of a confusion matrix: intersection over union and pixel accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Scores:
    """How well a prediction agrees with the truth; every value in 0..1, nan where it is not defined.

    Attributes:
        iou: float64 [C], TP / (TP + FP + FN) of each class, nan for a class in neither truth nor prediction.
        mean_iou: mean of ``iou`` over the classes that occur in truth or prediction.
        pixel_accuracy: share of the pixels, void ones left out, that got their class.
    """

    iou: NDArray[np.float64]
    mean_iou: float
    pixel_accuracy: float


def scores(matrix: NDArray[np.int64]) -> Scores:
    """Return the scores of a confusion matrix int64 [C,C], rows truth, columns prediction.

    Raises:
        ValueError: the matrix is not square.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"expected a square confusion matrix, received {list(matrix.shape)}")
    hits = np.diagonal(matrix).astype(np.float64)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - np.diagonal(matrix)
    iou = np.full(len(matrix), np.nan)
    np.divide(hits, union, out=iou, where=union > 0)
    present = iou[union > 0]
    pixels = int(matrix.sum())
    return Scores(
        iou=iou,
        mean_iou=float(present.mean()) if present.size else float("nan"),
        pixel_accuracy=float(hits.sum() / pixels) if pixels else float("nan"),
    )


def best_constant_mean_iou(matrix: NDArray[np.int64]) -> float:
    """Return the mean IoU of the best prediction that gives every pixel one and the same class.

    That is what a network must beat to have learned anything: of a constant prediction only the predicted class has
    hits, so its mean IoU is the largest class frequency divided by the number of classes that occur.
    """
    pixels = matrix.sum(axis=1)
    total = int(pixels.sum())
    if total == 0:
        return float("nan")
    return float(pixels.max() / total / np.count_nonzero(pixels))
