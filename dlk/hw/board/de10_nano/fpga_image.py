"""The form of an FPGA image (.rbf) as far as it shows from outside: of a Cyclone V, and compressed."""

from __future__ import annotations

from dlk.errors import DlkError

FILL = b"\xff" * 0x80
SYNC = b"j" * 4  # 0x6a on each of the four byte lanes
UNCOMPRESSED_BYTES = 7_007_204
"""Of a 5CSEBA6: 56,057,632 bits."""


def check_image(image: bytes) -> None:
    """Raise DlkError unless ``image`` begins as a raw image of a Cyclone V and is smaller than an uncompressed one."""
    if not image.startswith(FILL + SYNC):
        raise _wrong(
            "this is no raw binary file of a Cyclone V",
            f"{len(FILL)} bytes ff, then {SYNC.hex()}",
            f"{image[:4].hex() or 'nothing'} ... {image[len(FILL) :][: len(SYNC)].hex()}",
            "give the .rbf, not the .sof; Quartus writes it with GENERATE_RBF_FILE ON, as make bitstream does",
        )
    if len(image) >= UNCOMPRESSED_BYTES:
        raise _wrong(
            "this FPGA image is not a compressed one of the board's device",
            f"fewer than {UNCOMPRESSED_BYTES:,} bytes",
            f"{len(image):,} bytes",
            "compile it with ON_CHIP_BITSTREAM_DECOMPRESSION ON, as make bitstream does; MSEL 01010 takes no other",
        )


def _wrong(what: str, expected: str, received: str, fix: str) -> DlkError:
    return DlkError(what, expected=expected, received=received, fix=fix)
