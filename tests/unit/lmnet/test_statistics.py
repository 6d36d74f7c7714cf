"""Frequencies count labelled pixels only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmnet.datasets import statistics
from lmnet.datasets.base import Pair, Sample, Split


def split(masks):
    pairs = tuple(Pair(Path(str(i)), Path(str(i)), str(i)) for i in range(len(masks)))
    image = np.zeros((2, 2, 3), np.uint8)
    return Split("train", pairs, lambda pair: Sample(image, np.uint8(masks[int(pair.where)]), pair.where))


def test_void_is_left_out():
    found = statistics.class_frequencies(split([[[0, 1], [255, 1]], [[1, 255], [255, 255]]]), 3)
    assert found == pytest.approx([1 / 4, 3 / 4, 0])


def test_a_large_split_is_sampled_evenly_from_end_to_end(monkeypatch):
    monkeypatch.setattr(statistics, "MOST_SAMPLES", 3)
    masks = [[[i % 256]] for i in range(9)]
    found = statistics.class_frequencies(split(masks), 9)
    assert np.flatnonzero(found).tolist() == [0, 4, 8]
