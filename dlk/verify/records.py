"""The record file that the trace driver writes: one record a layer, little endian."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlk.errors import InternalError

MAGIC = b"DLKT"
KINDS: dict[int, type[np.generic]] = {0: np.uint8, 1: np.float32}
LARGEST_FILE = 4 << 30
LONGEST_NAME = 256


def read_records(path: Path) -> dict[str, NDArray[np.generic]]:
    """Return layer name -> uint8 codes or float32 values [h,w,c], in the order written.

    A record is ``DLKT``, uint32 name length, the name, uint32 kind (0 uint8, 1 float32), uint32 h, w, c, and the data.
    Raises InternalError when the file does not follow that form to its last byte.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise _broken(path, "it is larger than any trace")
    data = path.read_bytes()
    records: dict[str, NDArray[np.generic]] = {}
    at = 0
    while at < len(data):
        try:
            magic, length = struct.unpack_from("<4sI", data, at)
            if magic != MAGIC or length > LONGEST_NAME:
                raise _broken(path, f"no record starts at byte {at}")
            name = data[at + 8 : at + 8 + length].decode("utf-8")
            kind, *shape = struct.unpack_from("<4I", data, at + 8 + length)
        except (struct.error, UnicodeDecodeError) as error:
            raise _broken(path, f"the record at byte {at} is cut short") from error
        if kind not in KINDS or name in records:
            raise _broken(path, f"record {name!r} has kind {kind} or comes twice")
        at += 24 + length
        dtype = np.dtype(KINDS[kind])
        count = shape[0] * shape[1] * shape[2]
        if at + count * dtype.itemsize > len(data):
            raise _broken(path, f"record {name!r} of shape {shape} is cut short")
        records[name] = np.frombuffer(data, dtype, count, at).reshape(shape)
        at += count * dtype.itemsize
    return records


def _broken(path: Path, reason: str) -> InternalError:
    return InternalError("the trace driver wrote a damaged file", where=str(path), received=reason)
