"""A dataset as one file: what training sees of it, decoded and resized once, to carry to another machine.

The file is a tar of the format CamvidCustom: ``labels.txt``, both lists, images and index masks as PNG. It may come in
parts, ``NAME.001-of-003`` and so on, which one after the other are the file.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmnet.datasets.base import VOID, Dataset
from lmnet.datasets.labels import LABELS
from lmnet.datasets.new_folder import new_folder
from lmnet.errors import LmnetError

_PART = re.compile(r"\.(\d+)-of-(\d+)")


def pack(dataset: Dataset, file: Path, *, part_bytes: int | None = None) -> list[Path]:
    """Write a dataset into a file or into parts of it, and return what was written.

    Training on it is training on the dataset: the same samples at the same places of the lists, the same classes.

    Args:
        dataset: its samples have the size that the packed ones get.
        file: a file of this name, and its parts, are replaced.
        part_bytes: largest size of a part; none: one file.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in _files(dataset):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    whole = stream.getbuffer()
    size = part_bytes or len(whole)
    pieces = [whole[first : first + size] for first in range(0, len(whole), size)]
    names = [file] if part_bytes is None else [_part(file, i + 1, len(pieces)) for i in range(len(pieces))]

    file.parent.mkdir(parents=True, exist_ok=True)
    for path in (file, *_parts(file)):
        path.unlink(missing_ok=True)
    for path, piece in zip(names, pieces, strict=True):
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        unfinished.write_bytes(piece)
        unfinished.replace(path)
    return names


def read(file: Path) -> bytes:
    """Return the bytes of a packed dataset, those of its parts put together.

    Raises:
        LmnetError: there is no such file, or a part of it is missing.
    """
    if file.is_file():
        return file.read_bytes()
    parts = _parts(file)
    wanted = int(_PART.fullmatch(parts[0].name.removeprefix(file.name))[2]) if parts else 1  # type: ignore[index]
    if len(parts) != wanted:
        raise LmnetError(
            f"There is no whole packed dataset {file}.",
            expected=f"{file.name}, or all of its parts",
            received=", ".join(path.name for path in parts) or "nothing",
            fix=f"blueoil dataset pack -c CONFIG {file}",
        )
    return b"".join(path.read_bytes() for path in parts)


def unpack(data: bytes, folder: Path) -> None:
    """Unpack the bytes of a packed dataset into an absent or empty folder; it appears there when it is whole.

    Raises:
        LmnetError: the bytes are no packed dataset, or the folder is in use.
    """
    try:
        with new_folder(folder) as making, tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(making, filter="data")
    except tarfile.TarError as error:
        raise LmnetError(
            "This is no packed dataset.", expected="what blueoil dataset pack writes", received=str(error)
        ) from None


def _files(dataset: Dataset) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file."""
    void = len(dataset.classes)
    yield LABELS, "".join(f"{name}\n" for name in (*dataset.classes, "Void")).encode()
    for folder, split in (("train", dataset.train), ("val", dataset.validation)):
        lines = []
        for i in range(len(split)):
            sample = split.load(i)
            name = f"{i:05d}_{sample.name}.png"
            lines.append(f"{folder}/{name}\t{folder}annot/{name}\n")
            yield f"{folder}/{name}", _png(sample.image)
            yield f"{folder}annot/{name}", _png(np.where(sample.mask == VOID, np.uint8(void), sample.mask))
        yield f"{folder}.txt", "".join(lines).encode()


def _png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _part(file: Path, number: int, count: int) -> Path:
    return file.with_name(f"{file.name}.{number:03d}-of-{count:03d}")


def _parts(file: Path) -> list[Path]:
    """Return the parts of a file that are there, in their order."""
    beside = file.parent.iterdir() if file.parent.is_dir() else ()
    found = [
        path for path in beside if path.name.startswith(file.name) and _PART.fullmatch(path.name[len(file.name) :])
    ]
    return sorted(found)
