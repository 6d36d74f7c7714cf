"""The form of a preloader image as the boot ROM of a Cyclone V reads it (tools/socfpgaimage.c of U-Boot, version 0)."""

from __future__ import annotations

import struct
import zlib

from dlk.errors import DlkError

COPIES = 4
COPY_BYTES = 0x10000
HEADER = 0x40
VALIDATION_WORD = 0x31305341  # "AS01"
U_BOOT_MAGIC = b"\x27\x05\x19\x56"
_FIELDS = struct.Struct("<IBBHHH")  # validation word, version, flags, length in words, zero, checksum
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def check_preloader(image: bytes) -> None:
    """Raise DlkError unless ``image`` is four copies of 64 KiB that the boot ROM accepts, each by itself."""
    _expect("size in bytes", COPIES * COPY_BYTES, len(image))
    for copy in range(COPIES):
        _check_copy(image[copy * COPY_BYTES : (copy + 1) * COPY_BYTES], copy)


def check_with_u_boot(image: bytes) -> None:
    """Raise DlkError unless ``image`` is a preloader and, behind it, a U-Boot image."""
    end = COPIES * COPY_BYTES
    check_preloader(image[:end])
    _expect(f"first bytes of U-Boot at {end:#x}", U_BOOT_MAGIC.hex(), image[end : end + 4].hex())


def header_checksum(header: bytes) -> int:
    """Return the sum of the first ten bytes of the header, modulo 2^16."""
    return sum(header[:10]) & 0xFFFF


def image_crc(body: bytes) -> int:
    """Return the CRC-32 that takes the highest bit first, as bzip2 has it; zlib's takes the lowest first."""
    return int(f"{zlib.crc32(body.translate(_MIRRORED)):032b}"[::-1], 2)


def _check_copy(image: bytes, copy: int) -> None:
    header = image[HEADER : HEADER + _FIELDS.size]
    word, version, _, length, zero, checksum = _FIELDS.unpack(header)
    where = f"copy {copy}"
    _expect("validation word", f"{VALIDATION_WORD:#x}", f"{word:#x}", where)
    _expect("header version", 0, version, where)
    _expect("reserved field", 0, zero, where)
    _expect("header checksum", f"{header_checksum(header):#06x}", f"{checksum:#06x}", where)
    end = 4 * length
    if not HEADER + _FIELDS.size + 4 <= end <= COPY_BYTES:
        _expect("length", f"up to {COPY_BYTES} bytes, more than its header", end, where)
    stored = int.from_bytes(image[end - 4 : end], "little")
    _expect("CRC of the copy", f"{image_crc(image[: end - 4]):#010x}", f"{stored:#010x}", where)


def _expect(what: str, expected: object, received: object, where: str | None = None) -> None:
    if expected != received:
        raise DlkError(
            f"The boot ROM would not start this preloader: {what}",
            where=where,
            expected=str(expected),
            received=str(received),
            fix="build it again: rm -r build/boot, then make boot",
        )
