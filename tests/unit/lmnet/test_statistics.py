"""What a split holds: pixels, images and colours against plain numpy; frequencies count labelled pixels only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dataset_files import settings_for, write_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from lmnet.datasets import open_dataset, statistics
from lmnet.datasets.base import VOID, Pair, Sample, Split


def split(masks, image=None):
    pairs = tuple(Pair(Path(str(i)), Path(str(i)), str(i)) for i in range(len(masks)))
    image = np.zeros((2, 2, 3), np.uint8) if image is None else image
    return Split("train", pairs, lambda pair: Sample(image, np.uint8(masks[int(pair.where)]), pair.where))


def test_void_is_left_out():
    found = statistics.class_frequencies(split([[[0, 1], [255, 1]], [[1, 255], [255, 255]]]), 3)
    assert found == pytest.approx([1 / 4, 3 / 4, 0])


def test_a_large_split_is_sampled_evenly_from_end_to_end(monkeypatch):
    monkeypatch.setattr(statistics, "MOST_SAMPLES", 3)
    masks = [[[i % 256]] for i in range(9)]
    found = statistics.class_frequencies(split(masks), 9)
    assert np.flatnonzero(found).tolist() == [0, 4, 8]


def test_a_split_larger_than_the_cache_is_decoded_a_bounded_number_of_times():
    loaded = []

    def read(pair):
        loaded.append(pair.where)
        return Sample(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.uint8), pair.where)

    pairs = tuple(Pair(Path("x"), Path("x"), str(i)) for i in range(5000))
    statistics.class_frequencies(Split("train", pairs, read), 1)
    assert len(loaded) == len(set(loaded)) == 2000


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 6))
def test_counts_are_those_of_the_pixels(seed, images, classes):
    rng = np.random.default_rng(seed)
    masks = rng.integers(0, classes + 1, (images, 5, 7))
    masks[masks == classes] = VOID
    image = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    found = statistics.statistics(split(masks, image), classes)
    assert found.images == images
    assert found.pixels.tolist() == [(masks == c).sum() for c in range(classes)]
    assert found.holding.tolist() == [(masks == c).any(axis=(1, 2)).sum() for c in range(classes)]
    assert found.void == (masks == VOID).sum()
    assert found.void_share == pytest.approx(found.void / masks.size)
    assert found.shares == pytest.approx(found.pixels / max(1, (masks != VOID).sum()))
    assert found.mean == pytest.approx(image.mean(axis=(0, 1)))
    assert found.deviation == pytest.approx(image.std(axis=(0, 1)), abs=1e-6)


def test_frequencies_are_the_shares_of_the_whole_split(tmp_path):
    dataset = open_dataset(settings_for(write_dataset(tmp_path)))
    found = statistics.statistics(dataset.train, len(dataset.classes))
    assert found.shares.tolist() == statistics.class_frequencies(dataset.train, len(dataset.classes)).tolist()
    assert found.void > 0
