"""Targets: a dataset's text files, its pictures and masks, and pictures to predict on."""

from __future__ import annotations

from pathlib import Path

from fuzz_reader import Reader, Run, answered, rewrite

from lmnet.datasets.base import Pair
from lmnet.datasets.camvid import survey
from lmnet.datasets.check import decode
from lmnet.datasets.labels import STANDARD
from lmnet.datasets.sample import draw_dataset
from lmnet.processors.images import ImageError, read_image
from lmnet.processors.pre import PRE_PROCESSORS, resize

_SIZE = (16, 24)
_TEXTS = ("train.txt", "val.txt", "label_colors.txt", "labels.txt")


def lists(folder: Path) -> Run:
    """One text file of a dataset."""
    root = folder / "CamVid"
    draw_dataset(root, train=2, validation=1, size=(32, 32))
    kept = {name: (root / name).read_bytes() for name in _TEXTS if (root / name).is_file()}

    def run(data: bytes) -> None:
        reader = Reader(data)
        name = reader.pick(_TEXTS)
        rewrite(root / name, reader.rest())
        try:
            with answered(explains=False):
                survey(root, root)
        finally:
            if name in kept:
                rewrite(root / name, kept[name])
            else:
                (root / name).unlink()

    return run


def pictures(folder: Path) -> Run:
    """The image and the mask of a sample: the first two bytes are the length of the image."""
    pair = Pair(folder / "image.png", folder / "mask.png", "train.txt line 1")

    def run(data: bytes) -> None:
        reader = Reader(data)
        length = int.from_bytes(reader.take(2), "little")
        rewrite(pair.image, reader.take(length))
        rewrite(pair.mask, reader.rest())
        found = decode(pair, STANDARD, _SIZE)
        assert found.faults or (found.image is not None and found.mask is not None)
        assert found.image is None or found.image.shape == (*_SIZE, 3)
        assert found.mask is None or found.mask.shape == _SIZE

    return run


def image(folder: Path) -> Run:
    """A picture as the device's programs read it, with the pre-processing of a network."""
    file = folder / "picture"

    def run(data: bytes) -> None:
        rewrite(file, data)
        with answered(ImageError):
            pixels = resize(read_image(file), _SIZE)
            for prepare in PRE_PROCESSORS.values():
                assert prepare(pixels).shape == (*_SIZE, 3)

    return run
