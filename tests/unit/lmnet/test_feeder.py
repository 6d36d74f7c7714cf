"""Batches: pure functions of seed and step, every sample once an epoch, no TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from dataset_files import settings_for, write_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from lmnet.augmentors import AUGMENTORS, USUAL
from lmnet.datasets import Dataset, Pair, Sample, Split, open_dataset
from lmnet.datasets.feeder import batch_for_step, epoch_order, validation_batches
from lmnet.processors.pre import per_image_standardization

ALL = {name: {} for name in AUGMENTORS}


def numbered(count: int) -> Dataset:
    """Return a dataset whose sample i is an image of value i with one other pixel, and a mask of value i."""

    def read(pair: Pair) -> Sample:
        image = np.full((16, 16, 3), int(pair.where), np.uint8)
        return Sample(image, np.full((16, 16), int(pair.where), np.uint8), pair.where)

    split = Split("train", tuple(Pair(Path(str(i)), Path(str(i)), str(i)) for i in range(count)), read)
    return Dataset(("a",), split, split)


def visits(dataset: Dataset, *, batch: int, steps: int, seed: int = 1) -> list[int]:
    chosen = settings_for(Path("x"), batch_size=batch, seed=seed, image_size=(16, 16), quantize_first_layer=True)
    return [int(m[0, 0]) for step in range(steps) for m in batch_for_step(dataset, chosen, step)[1]]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 15), st.integers(0, 2**32 - 1))
def test_every_epoch_visits_every_sample_once_and_batches_straddle_epochs(count: int, batch: int, seed: int) -> None:
    dataset = numbered(count)
    steps = -(-3 * count // batch)
    order = visits(dataset, batch=batch, steps=steps, seed=seed)
    assert len(order) == steps * batch
    for epoch in range(3):
        part = order[epoch * count : (epoch + 1) * count]
        assert sorted(part) == list(range(count))
        assert part == np.random.default_rng([seed, epoch]).permutation(count).tolist()


def test_order_does_not_depend_on_the_batch_size_and_changes_with_seed_and_epoch() -> None:
    dataset = numbered(30)
    assert visits(dataset, batch=4, steps=15) == visits(dataset, batch=10, steps=6)
    assert epoch_order(1, 0, 30).tolist() != epoch_order(1, 1, 30).tolist()
    assert epoch_order(1, 0, 30).tolist() != epoch_order(2, 0, 30).tolist()


def test_a_batch_is_the_same_whenever_it_is_asked_for(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, train=5)
    chosen = settings_for(folder, augmentors=ALL, batch_size=3, max_steps=8)
    dataset = open_dataset(chosen)
    once = [batch_for_step(dataset, chosen, step) for step in range(8)]
    again = open_dataset(chosen)
    for step in (7, 2, 5, 0):
        images, masks = batch_for_step(again, chosen, step)
        assert np.array_equal(images, once[step][0])
        assert np.array_equal(masks, once[step][1])


def test_batches_are_preprocessed_samples_in_their_order(tmp_path: Path) -> None:
    chosen = settings_for(write_dataset(tmp_path, train=4), batch_size=3)
    dataset = open_dataset(chosen)
    images, masks = batch_for_step(dataset, chosen, 0)
    assert (images.shape, images.dtype) == ((3, 16, 24, 3), np.float32)
    assert (masks.shape, masks.dtype) == ((3, 16, 24), np.uint8)
    for j, index in enumerate(epoch_order(1, 0, 4)[:3]):
        sample = dataset.train.load(int(index))
        assert np.array_equal(images[j], per_image_standardization(sample.image))
        assert np.array_equal(masks[j], sample.mask)


def test_without_a_crop_size_batches_are_what_the_augmentors_make_of_whole_pictures(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, train=3)
    chosen = settings_for(folder, augmentors={name: {} for name in USUAL}, batch_size=3, seed=7)
    dataset = open_dataset(chosen)
    for step in range(3):
        images, masks = batch_for_step(dataset, chosen, step)
        for j, index in enumerate(epoch_order(7, step, 3).tolist()):
            sample, rng = dataset.train.load(index), np.random.default_rng([7, step, index])
            image, mask = sample.image, sample.mask
            for name in USUAL:
                image, mask = AUGMENTORS[name](image, mask, rng)
            assert np.array_equal(images[j], per_image_standardization(image))
            assert np.array_equal(masks[j], mask)


def test_a_crop_size_is_the_size_of_training_and_not_of_validation(tmp_path: Path) -> None:
    chosen = settings_for(write_dataset(tmp_path, train=3), crop_size=(16, 16), quantize_first_layer=True)
    dataset = open_dataset(chosen)
    images, masks = batch_for_step(dataset, chosen, 0)
    assert (images.shape, masks.shape) == ((2, 16, 16, 3), (2, 16, 16))
    for j, index in enumerate(epoch_order(1, 0, 3)[:2]):
        windows = np.lib.stride_tricks.sliding_window_view(dataset.train.load(int(index)).mask, (16, 16))
        assert (windows == masks[j]).all(axis=(2, 3)).any()
    assert next(validation_batches(dataset.validation, chosen, 2))[0].shape == (2, 16, 24, 3)
    for names in (["RandomScaleCrop"], [*USUAL, "RandomScaleCrop"], ["Crop", "Pad"], list(AUGMENTORS)):
        more = chosen.model_copy(update={"augmentors": {name: {} for name in names}})
        assert batch_for_step(dataset, more, 1)[0].shape == (2, 16, 16, 3)


def test_augmentation_differs_between_epochs_and_leaves_the_cache_alone(tmp_path: Path) -> None:
    chosen = settings_for(write_dataset(tmp_path, train=1), batch_size=1, augmentors=ALL)
    dataset = open_dataset(chosen)
    before = dataset.train.load(0).image.copy()
    batches = [batch_for_step(dataset, chosen, step)[0] for step in range(4)]
    assert not any(np.array_equal(batches[0], other) for other in batches[1:])
    assert np.array_equal(dataset.train.load(0).image, before)


def test_augmentation_of_a_sample_does_not_depend_on_its_batch(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, train=5)
    runs = []
    for batch, steps in ((2, 6), (3, 4)):
        chosen = settings_for(folder, augmentors=ALL, batch_size=batch)
        dataset = open_dataset(chosen)
        runs.append(np.concatenate([batch_for_step(dataset, chosen, step)[0] for step in range(steps)]))
    assert np.array_equal(runs[0], runs[1])


def test_validation_is_in_order_not_augmented_and_ends_with_a_short_batch(tmp_path: Path) -> None:
    chosen = settings_for(write_dataset(tmp_path, validation=5), augmentors=ALL)
    split = open_dataset(chosen).validation
    batches = list(validation_batches(split, chosen, 2))
    assert [len(images) for images, _ in batches] == [2, 2, 1]
    images = np.concatenate([images for images, _ in batches])
    masks = np.concatenate([masks for _, masks in batches])
    for i in range(5):
        assert np.array_equal(images[i], per_image_standardization(split.load(i).image))
        assert np.array_equal(masks[i], split.load(i).mask)


def test_reading_data_imports_no_tensorflow() -> None:
    code = (
        "import sys, lmnet.datasets.feeder, lmnet.datasets.sample, lmnet.metrics\n"
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
