"""Post-processing: argmax with ties."""

from __future__ import annotations

import numpy as np
import pytest

from lmnet.processors.post import class_map


def test_largest_logit_wins_and_the_first_of_equal_ones() -> None:
    logits = np.array([[[0.0, 2.0, 1.0], [2.0, 2.0, 1.0]], [[-1.0, -1.0, -1.0], [0.0, 1.0, 1.0]]], np.float32)
    result = class_map(logits)
    assert result.dtype == np.uint8
    assert result.tolist() == [[1, 0], [0, 1]]


def test_one_class_and_wrong_shapes() -> None:
    assert class_map(np.zeros((2, 2, 1), np.float32)).tolist() == [[0, 0], [0, 0]]
    for shape in ((2, 2, 0), (2, 2, 256)):
        with pytest.raises(ValueError, match="1 to 255 classes"):
            class_map(np.zeros(shape, np.float32))
