"""What a split of a dataset holds: how often each class occurs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmnet.datasets.base import Split

MOST_SAMPLES = 2000
"""Samples that are looked at, evenly spaced: more would change a frequency by nothing that matters."""


def class_frequencies(split: Split, classes: int) -> NDArray[np.float64]:
    """Return the share of the labelled pixels that belongs to each class, float64 [C], sum 1.

    Args:
        split: at least one of its pixels is labelled.
        classes: number of classes C.
    """
    pixels = np.zeros(256, np.int64)
    for i in np.linspace(0, len(split) - 1, min(len(split), MOST_SAMPLES)).astype(int):
        pixels += np.bincount(split.load(int(i)).mask.reshape(-1), minlength=256)
    return pixels[:classes] / pixels[:classes].sum()
