"""Targets: what runs on a device, as the package carries it: its description, its library."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from fuzz_reader import Reader, Run, answered, rewrite

from dlk.package.assemble import TEMPLATE
from dlk.package.assemble import read_meta as read_exported

_KINDS = (np.float32, np.float64, np.uint8, np.int64, np.complex64, np.bool_, np.float16, np.dtype(">f4"))


def _device() -> None:
    """Let Python find the package's own ``lmnet``, as it lies on a device."""
    import dlk.plain_yaml
    import lmnet

    sys.modules["lmnet.plain_yaml"] = dlk.plain_yaml  # the package has a copy
    folder = str(TEMPLATE / "python" / "lmnet")
    if folder not in lmnet.__path__:
        lmnet.__path__.append(folder)


def meta(folder: Path) -> Run:
    """meta.yaml as the device and the converter read it, and the hashes that it names."""
    _device()
    from lmnet.inference import UsageError, read_meta
    from lmnet.self_test import SelfTestError, check_hashes

    file = folder / "meta.yaml"
    model = rewrite(folder / "libdlk_x86.so", b"\x7fELF")

    def run(data: bytes) -> None:
        rewrite(file, data)
        with answered():
            read_exported(file)
        with answered(UsageError, SelfTestError):
            check_hashes(read_meta(file), model)

    return run


def library(folder: Path) -> Run:
    """The class that drives a library: arrays of wrong shapes and types, calls in any order, files that are none."""
    _device()
    from fuzz_library import built
    from lmnet.nnlib import LibraryError, NNLib, check_library

    path = built(folder / "library")
    whole = path.read_bytes()[: 1 << 16]
    broken = folder / "broken.so"

    def run(data: bytes) -> None:
        reader = Reader(data)
        with NNLib() as network:
            calls = (
                lambda: network.load(path),
                network.init,
                lambda: network.run(_array(reader, network.input_shape)),
                lambda: network.set_threads(min(reader.number(), 65)),
                network.delete,
                lambda: network.load(reader.pick((folder, folder / "none", folder / "\0", "", "\udc80"))),
                lambda: check_library(rewrite(broken, _damaged(reader, whole))),
            )
            for _ in range(12):
                if not reader.left:
                    break
                with answered(LibraryError):
                    reader.pick(calls)()

    return run


def _array(reader: Reader, shape: tuple[int, ...]) -> np.ndarray:
    """Return the right input, or one of another shape, type or order."""
    how = reader.byte() % 6
    kind = reader.pick(_KINDS) if how == 1 else np.float32
    if how == 2:
        shape = tuple(reader.byte() % 9 for _ in range(reader.byte() % 6))
    values = np.full(shape, reader.real()).astype(kind) if how != 3 else np.frombuffer(reader.take(64), np.uint8)
    if how == 4 and values.ndim:
        values = values[::-1]
    return values[0] if how == 5 and values.shape else values


def _damaged(reader: Reader, whole: bytes) -> bytes:
    """Return a library's beginning, cut and with some bytes of its header changed."""
    data = bytearray(whole[: reader.byte() | reader.byte() << 8])
    for _ in range(reader.byte() % 8):
        place = reader.byte() % 64
        if place < len(data):
            data[place] = reader.byte()
    return bytes(data)
