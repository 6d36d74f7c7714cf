"""The form of a boot script as U-Boot reads it (include/image.h of U-Boot, the legacy image)."""

from __future__ import annotations

import struct
import zlib

from dlk.errors import DlkError

MAGIC = 0x27051956
HEADER = struct.Struct(">7I4B32s")
"""Magic, CRC of the header, time, bytes of data, load, entry, CRC of the data; system, machine, kind, packing; name."""
SCRIPT = 6
_CRC = slice(4, 8)


def check_script(image: bytes) -> None:
    """Raise DlkError unless ``image`` is a whole boot script."""
    _expect("size in bytes", f"at least {HEADER.size}", len(image), right=len(image) >= HEADER.size)
    magic, header_crc, _, size, _, _, data_crc, _, _, kind, _, _ = HEADER.unpack(image[: HEADER.size])
    head = bytearray(image[: HEADER.size])
    head[_CRC] = bytes(4)
    data = image[HEADER.size :]
    facts = (
        ("magic number", f"{MAGIC:#x}", f"{magic:#x}"),
        ("CRC of the header", f"{zlib.crc32(head):#010x}", f"{header_crc:#010x}"),
        ("kind", SCRIPT, kind),
        ("size of the data", size, len(data)),
        ("CRC of the data", f"{zlib.crc32(data):#010x}", f"{data_crc:#010x}"),
    )
    for what, expected, received in facts:
        _expect(what, expected, received, right=expected == received)


def _expect(what: str, expected: object, received: object, *, right: bool) -> None:
    if not right:
        raise DlkError(
            f"U-Boot would not run this script: {what}",
            expected=str(expected),
            received=str(received),
            fix="build it again: rm -r build/boot, then make boot",
        )
