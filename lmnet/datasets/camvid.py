"""CamvidCustom: a folder with lists of images and index masks, in the layout of CamVid.

The folder holds ``train.txt`` and for validation ``val.txt`` (each line an image and its mask), and ``labels.txt``
(a class name a line) or ``label_colors.txt`` (``R G B Name`` a line) or neither: then the eleven standard classes.
A line named Ignore, Unlabelled or Void is no class: its pixels become VOID and larger values move down by one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmnet.augmentors import check_augmentors
from lmnet.datasets.base import Dataset, Pair, Split, Survey
from lmnet.datasets.cache import LIMIT_BYTES, SampleCache
from lmnet.datasets.check import Decoded, decode, find_leaks
from lmnet.datasets.labels import Labels, has_labels, read_labels
from lmnet.datasets.lists import read_list
from lmnet.datasets.problems import Problems
from lmnet.datasets.split import nine_to_one
from lmnet.processors.images import ImageError, open_picture
from lmnet.settings import Settings

_CHUNK = 64
"""Samples decoded ahead of the one that is kept, so that a dataset larger than the cache does not fill the memory."""


@dataclass(frozen=True, slots=True)
class _Files:
    """What the text files of a dataset say."""

    labels: Labels | None
    train: tuple[Pair, ...]
    validation: tuple[Pair, ...]


def survey(train_path: Path, validation_path: Path | None = None) -> Survey:
    """Return classes and sizes of a dataset from its text files alone: fast enough for a prompt.

    Args:
        train_path: folder that holds train.txt.
        validation_path: folder that holds val.txt; none: a tenth of the training images is held out.

    Raises:
        LmnetError: lists every problem of the text files, and every file that they name and that is missing.
    """
    problems = Problems()
    files = _read_files(train_path, validation_path, problems)
    problems.raise_if_any(train_path)
    assert files.labels is not None  # noqa: S101 - a missing list of classes is a problem, raised above
    return Survey(files.labels.classes, len(files.train), len(files.validation))


def open_dataset(settings: Settings, *, cache_bytes: int = LIMIT_BYTES) -> Dataset:
    """Return the dataset of the settings, every file decoded and checked.

    It takes about 10 ms of one core for a pair of 360 x 480, and height * width * 4 bytes of memory for a sample.

    Args:
        settings: paths, image size and augmentors are read.
        cache_bytes: memory for decoded samples; those past it are decoded again whenever they are asked for.

    Raises:
        LmnetError: lists everything that is wrong, where, and how to mend it.
    """
    check_augmentors(settings.augmentors)
    problems = Problems()
    files = _read_files(settings.train_path, settings.validation_path, problems)
    size = settings.image_size
    cache = SampleCache(partial(_image_and_mask, labels=files.labels, size=size), cache_bytes)
    digests = {
        name: _fill(name, pairs, files.labels, size, cache, problems)
        for name, pairs in (("training", files.train), ("validation", files.validation))
    }
    find_leaks(digests["training"], digests["validation"], problems)
    problems.raise_if_any(settings.train_path)
    assert files.labels is not None  # noqa: S101 - as in survey
    return Dataset(
        classes=files.labels.classes,
        train=Split("train", files.train, cache.read),
        validation=Split("validation", files.validation, cache.read),
    )


def first_size(train_path: Path) -> tuple[int, int] | None:
    """Return height and width of the first training picture, or None where it cannot be read."""
    pairs = read_list(train_path, "train.txt", Problems())
    try:
        picture = open_picture(pairs[0].image)
    except (IndexError, ImageError):
        return None
    return picture.height, picture.width


def _read_files(train_path: Path, validation_path: Path | None, problems: Problems) -> _Files:
    folders = [train_path] if validation_path is None else [train_path, validation_path]
    absent = [folder for folder in dict.fromkeys(folders) if not folder.is_dir()]
    for folder in absent:
        problems.add("folder", folder)
    if train_path in absent:
        return _Files(None, (), ())

    labels = read_labels(train_path, problems)
    listed = read_list(train_path, "train.txt", problems)
    if validation_path is None:
        train, held_out = nine_to_one(len(listed))
        if len(listed) == 1:
            problems.add("few", train_path / "train.txt", "it lists one image")
        return _Files(labels, tuple(listed[i] for i in train), tuple(listed[i] for i in held_out))
    if validation_path in absent:
        return _Files(labels, tuple(listed), ())

    if validation_path != train_path and has_labels(validation_path):
        others = read_labels(validation_path, problems)
        if labels is not None and others is not None and _folded(labels) != _folded(others):
            problems.add(
                "classes", validation_path, f"{', '.join(others.names)}, but training: {', '.join(labels.names)}"
            )
    return _Files(labels, tuple(listed), tuple(read_list(validation_path, "val.txt", problems)))


def _folded(labels: Labels) -> list[str]:
    return [name.casefold() for name in labels.names]


def _image_and_mask(
    pair: Pair, labels: Labels | None, size: tuple[int, int]
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8] | None]:
    decoded = decode(pair, labels, size)
    return decoded.image, decoded.mask


def _fill(
    name: str,
    pairs: Sequence[Pair],
    labels: Labels | None,
    size: tuple[int, int],
    cache: SampleCache,
    problems: Problems,
) -> list[tuple[Pair, bytes]]:
    """Decode and check the samples of a split, keep them, and return the digest of each image."""
    digests = []
    labelled = faulty = False
    for pair, decoded in zip(pairs, _decode_all(pairs, labels, size), strict=True):
        for fault in decoded.faults:
            problems.add(*fault)
        faulty |= bool(decoded.faults)
        labelled |= decoded.labelled
        digests.append((pair, decoded.digest))
        if decoded.image is not None and decoded.mask is not None:
            cache.keep(pair, decoded.image, decoded.mask)
    if pairs and labels is not None and not labelled and not faulty:
        problems.add("unlabelled", f"the {name} images", f"{len(pairs)} masks are void everywhere")
    return digests


def _decode_all(pairs: Sequence[Pair], labels: Labels | None, size: tuple[int, int]) -> Iterator[Decoded]:
    """Yield the decoded samples in order; a few threads work ahead (Pillow decodes outside the interpreter lock)."""
    rest = iter(pairs)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        while chunk := list(islice(rest, _CHUNK)):
            yield from pool.map(partial(decode, labels=labels, size=size), chunk)
