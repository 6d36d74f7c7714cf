"""Decoding of samples with every check that needs their pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmnet.datasets.base import VOID, Pair
from lmnet.datasets.labels import Labels
from lmnet.datasets.problems import Problems
from lmnet.processors.images import ImageError, open_picture, to_rgb
from lmnet.processors.pre import resize, resize_classes

_INDEX_MODES = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L")


@dataclass(frozen=True, slots=True)
class Decoded:
    """One sample as read from disk.

    Attributes:
        image: uint8 [H,W,3] at the network's size, None where the file is faulty.
        mask: uint8 [H,W] at the network's size, classes and VOID, None where the file is faulty.
        digest: of the image's pixels before resizing: equal pictures have equal digests, in whatever file format.
        labelled: the mask has a pixel with a class, at the network's size.
        faults: kind, place and detail of each problem.
    """

    image: NDArray[np.uint8] | None
    mask: NDArray[np.uint8] | None
    digest: bytes
    labelled: bool
    faults: tuple[tuple[str, str, str], ...]


def decode(pair: Pair, labels: Labels | None, size: tuple[int, int]) -> Decoded:
    """Return the sample of two files, each decoded once, with whatever is wrong with them.

    Args:
        pair: the files.
        labels: meaning of the mask values; None skips what needs them.
        size: (height, width) of the network's input.
    """
    faults: list[tuple[str, str, str]] = []
    image = mask = None
    try:
        image = to_rgb(open_picture(pair.image))
    except ImageError as error:
        faults.append(("image", str(pair.image), str(error)))
    try:
        picture = open_picture(pair.mask)
    except ImageError as error:
        faults.append(("image", str(pair.mask), str(error)))
    else:
        mask = _indices(picture, pair, labels, faults)
        if image is not None and picture.size != (image.shape[1], image.shape[0]):
            sizes = f"mask {picture.size[0]} x {picture.size[1]}, image {image.shape[1]} x {image.shape[0]}"
            faults.append(("size", str(pair.mask), sizes))

    digest = b""
    if image is not None:
        digest = _digest(image)
        image = resize(image, size)
        image.setflags(write=False)
    if mask is not None:
        mask = resize_classes(mask, size)
        mask.setflags(write=False)
    return Decoded(image, mask, digest, mask is not None and bool((mask != VOID).any()), tuple(faults))


def _digest(image: NDArray[np.uint8]) -> bytes:
    """Return 16 bytes that are equal for equal pictures of equal size."""
    shape = b"%dx%d" % image.shape[:2]
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16, person=shape).digest()


def _indices(
    picture: Image.Image, pair: Pair, labels: Labels | None, faults: list[tuple[str, str, str]]
) -> NDArray[np.uint8] | None:
    """Return the class indices of a mask picture, uint8 [H,W], or None and a fault."""
    if picture.mode not in _INDEX_MODES:
        values = np.asarray(picture)
        grey = values.ndim == 3 and values.shape[2] >= 3 and bool((values[..., :3] == values[..., :1]).all())
        detail = "its three channels are equal: keep one of them" if grey else f"mode {picture.mode}"
        faults.append(("colour", str(pair.mask), detail))
        return None
    values = np.asarray(picture)
    values = values.astype(np.uint8) if values.dtype == np.bool_ else values
    if labels is None:
        return None
    last = len(labels.names) - 1
    wrong = values[(values < 0) | (values > last)]
    if wrong.size:
        some = ", ".join(str(v) for v in np.unique(wrong)[:8])
        more = ", ..." if len(np.unique(wrong)) > 8 else ""
        noun = "pixel" if wrong.size == 1 else "pixels"
        detail = f"{wrong.size} {noun} with {some}{more}; expected 0 to {last} ({labels.source})"
        faults.append(("range", str(pair.mask), detail))
        return None
    return labels.table()[values.astype(np.uint8)]


def find_leaks(
    train: Sequence[tuple[Pair, bytes]], validation: Sequence[tuple[Pair, bytes]], problems: Problems
) -> None:
    """Note every validation image that is also a training image, by its file or by its pixels.

    Args:
        train: samples with the digests of their images (empty: not decoded).
        validation: likewise.
        problems: gets one problem for each such image.
    """
    files = {pair.image.resolve(): pair for pair, _ in train}
    contents = {digest: pair for pair, digest in train if digest}
    for pair, digest in validation:
        twin = files.get(pair.image.resolve()) or contents.get(digest)
        if twin is not None:
            same = "" if twin.image == pair.image else f" as {twin.image}"
            problems.add(
                "leak", pair.image, f"{pair.where} and {twin.where}{', the same picture' + same if same else ''}"
            )
