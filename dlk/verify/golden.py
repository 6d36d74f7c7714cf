"""reference.npz: real images and what the frozen TensorFlow graph made of them, read with bounds and checked."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.errors import DlkError

LARGEST = 4 << 30  # bytes when unpacked
CODES = "codes/"
INPUT = "input"

# What zipfile, zlib and numpy raise on a file that is damaged or not ours.
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
)


@dataclass(frozen=True, slots=True)
class Golden:
    """N images: pixels uint8 [N,H,W,3], the network's input and output float32, each layer's codes uint8."""

    images: NDArray[np.uint8]
    input: NDArray[np.float32]
    codes: dict[str, NDArray[np.uint8]]
    output: NDArray[np.float32]

    def __len__(self) -> int:
        """Return N."""
        return len(self.images)

    def given(self, source: str) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Return what a layer of the graph read from ``source``: that layer's codes, or the floats of ``input``."""
        return self.input if source == INPUT else self.codes[source]


def read_golden(path: Path) -> Golden:
    """Read reference.npz; raises DlkError when it is absent, damaged, too large or does not fit together."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise _broken(path, f"it unpacks to more than {LARGEST >> 30} GiB")
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, NDArray[Any]] = {name: file[name] for name in file.files}
    except _DAMAGE as error:
        raise _broken(path, str(error) or type(error).__name__) from error
    wanted = {"images": np.uint8, "input": np.float32, "output": np.float32}
    for name, array in arrays.items():
        wanted.setdefault(name, np.uint8)
        if array.dtype != wanted[name] or array.ndim != 4:
            raise _broken(path, f"{name} is {array.dtype} with {array.ndim} dimensions")
    if missing := [name for name in wanted if name not in arrays]:
        raise _broken(path, f"it lacks {', '.join(missing)}")
    if len({len(array) for array in arrays.values()}) != 1 or len(arrays["images"]) == 0:
        raise _broken(path, "its arrays hold different numbers of images, or none")
    if not (np.isfinite(arrays["input"]).all() and np.isfinite(arrays["output"]).all()):
        raise _broken(path, "it holds numbers that are not finite")
    codes = {name.removeprefix(CODES): array for name, array in arrays.items() if name.startswith(CODES)}
    return Golden(arrays["images"], arrays["input"], codes, arrays["output"])


def _broken(path: Path, reason: str) -> DlkError:
    return DlkError(
        "the reference tensors cannot be used", where=str(path), received=reason, fix="export the checkpoint again"
    )
