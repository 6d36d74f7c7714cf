"""Batches as a pure function of the seed and the step: a resumed run sees what an unbroken one would have seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lmnet.augmentors import augment
from lmnet.datasets.base import Dataset, Split
from lmnet.processors.pre import PRE_PROCESSORS
from lmnet.settings import Settings

Batch = tuple[NDArray[np.float32], NDArray[np.uint8]]
"""Preprocessed images float32 [B,H,W,3] and masks uint8 [B,H,W]."""


def epoch_order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """Return the order in which epoch ``epoch`` visits ``count`` samples: a permutation of 0..count-1."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def batch_for_step(dataset: Dataset, settings: Settings, step: int, rows: slice = slice(None)) -> Batch:
    """Return the training batch of a step, augmented and preprocessed.

    Sample j of the batch is sample number ``g = step * batch_size + j`` of the run: position ``g % n`` in epoch
    ``g // n``. So batches straddle epochs and none is short. A sample's augmentation depends on seed, epoch and
    sample only, never on the batch around it.

    Args:
        dataset: its training split is read.
        settings: seed, batch_size, train_size, augmentors and pre-processor.
        step: from 0.
        rows: the samples of the batch that are wanted, where processes share it.
    """
    count = len(dataset.train)
    preprocess = PRE_PROCESSORS[settings.preprocessor]
    images, masks = [], []
    orders: dict[int, NDArray[np.int64]] = {}
    for number in range(step * settings.batch_size, (step + 1) * settings.batch_size)[rows]:
        epoch, position = divmod(number, count)
        if epoch not in orders:
            orders[epoch] = epoch_order(settings.seed, epoch, count)
        index = int(orders[epoch][position])
        sample = dataset.train.load(index)
        rng = np.random.default_rng([settings.seed, epoch, index])
        image, mask = augment(sample.image, sample.mask, rng, settings.augmentors, settings.train_size)
        images.append(preprocess(image))
        masks.append(mask)
    return np.stack(images), np.stack(masks)


def validation_batches(split: Split, settings: Settings, batch: int, part: slice = slice(None)) -> Iterator[Batch]:
    """Yield every sample of a split once, in order, not augmented; the last batch may be short.

    With ``part`` only those of the batches.
    """
    preprocess = PRE_PROCESSORS[settings.preprocessor]
    for first in range(0, len(split), batch)[part]:
        samples = [split.load(i) for i in range(first, min(first + batch, len(split)))]
        yield np.stack([preprocess(s.image) for s in samples]), np.stack([s.mask for s in samples])
