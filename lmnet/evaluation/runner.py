"""Measure anything that turns an image into logits: the Keras model, a graph, a built library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmnet.datasets.base import Split
from lmnet.metrics.confusion import confusion_matrix
from lmnet.metrics.iou import Scores, scores
from lmnet.processors.post import class_map
from lmnet.processors.pre import PRE_PROCESSORS

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Preprocessed image float32 [H,W,3] to logits float32 [H,W,C]."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of a split, and the confusion matrix int64 [C,C] (rows truth, void left out) that they come from."""

    matrix: NDArray[np.int64]
    scores: Scores


def evaluate(run: Run, split: Split, preprocessor: str) -> Evaluation:
    """Return how well ``run`` labels a split, every image once.

    Args:
        run: the executor.
        split: images and masks at the executor's input size, at least one.
        preprocessor: name of the pre-processing, a key of PRE_PROCESSORS.
    """
    preprocess = PRE_PROCESSORS[preprocessor]
    matrix: NDArray[np.int64] | None = None
    for i in range(len(split)):
        sample = split.load(i)
        logits = run(preprocess(sample.image))
        counted = confusion_matrix(sample.mask, class_map(logits), logits.shape[-1])
        matrix = counted if matrix is None else matrix + counted
    if matrix is None:
        raise ValueError("the split is empty")
    return Evaluation(matrix, scores(matrix))
