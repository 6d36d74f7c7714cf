"""The confusion matrix, from which every segmentation score follows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmnet.datasets.base import VOID


def confusion_matrix(truth: NDArray[np.uint8], prediction: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """Return how many pixels of each true class got each predicted class.

    Args:
        truth: uint8, any shape, values 0..classes-1, or 255 for void pixels, which are skipped.
        prediction: uint8 of the same shape, values 0..classes-1 wherever truth is not void.
        classes: number of classes.

    Returns:
        int64 [classes, classes], rows truth, columns prediction; matrices of several images add up.

    Raises:
        ValueError: shapes differ, or a value is out of range.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"truth has shape {list(truth.shape)}, prediction {list(prediction.shape)}")
    seen = truth != VOID
    rows = truth[seen].astype(np.int64)
    columns = prediction[seen].astype(np.int64)
    for name, values in (("truth", rows), ("prediction", columns)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            raise ValueError(f"{name} holds {values.min()}..{values.max()}, expected 0..{classes - 1}")
    return np.bincount(rows * classes + columns, minlength=classes * classes).reshape(classes, classes)
