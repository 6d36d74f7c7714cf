"""Files of the board in their right form, made by hand: a preloader, U-Boot, a script, an FPGA image."""

from __future__ import annotations

import struct
import subprocess
import zlib
from pathlib import Path

from dlk.hw.board.de10_nano.boot import device_tree
from dlk.hw.board.de10_nano.boot.preloader import header_checksum, image_crc
from dlk.hw.board.de10_nano.boot.script import HEADER, MAGIC, SCRIPT
from dlk.hw.board.de10_nano.fpga_image import FILL, SYNC


def copy_of(body: bytes) -> bytes:
    """Return 64 KiB with ``body`` behind the header, as ``mkimage -T socfpgaimage`` lays it out."""
    length = 0x4C + len(body) + 4
    fields = struct.pack("<IBBHH", 0x31305341, 0, 0, length // 4, 0)
    image = bytes(0x40) + fields + struct.pack("<H", header_checksum(fields)) + body
    return (image + struct.pack("<I", image_crc(image))).ljust(0x10000, b"\0")


def script_of(data: bytes, *, kind: int = SCRIPT) -> bytes:
    """Return ``data`` as ``mkimage -T script`` packs it."""

    def header(crc: int) -> bytes:
        return HEADER.pack(MAGIC, crc, 0, len(data), 0, 0, zlib.crc32(data), 5, 2, kind, 0, b"a script")

    return header(zlib.crc32(header(0))) + data


PRELOADER = copy_of(bytes(range(256))) * 4
U_BOOT = PRELOADER + b"\x27\x05\x19\x56" + bytes(60)
TREE = "/dts-v1/;\n/ { #address-cells = <1>; #size-cells = <1>; };\n"
IMAGE = FILL + SYNC + bytes(1000)
FILES = {
    "preloader-mkpimage.bin": PRELOADER,
    "u-boot-with-spl.sfp": U_BOOT,
    "boot.scr": script_of(b"boot"),
    "SOURCE.txt": b"the source, GPL-2.0",
}
"""What needs no compiler of device trees."""


def write_board_files(folder: Path) -> tuple[Path, Path]:
    """Write FILES and an FPGA image; return the folder of the boot files, and the image."""
    boot = folder / "boot"
    boot.mkdir(parents=True)
    for name, content in FILES.items():
        (boot / name).write_bytes(content)
    image = folder / "image.rbf"
    image.write_bytes(IMAGE)
    return boot, image


def write_tree(path: Path) -> None:
    """Write the overlay on an empty board's tree; needs dtc and fdtoverlay."""
    base, overlay = path.with_suffix(".base"), path.with_suffix(".dtbo")
    subprocess.run(["dtc", "-I", "dts", "-O", "dtb", "-o", base], input=TREE, text=True, check=True)
    device_tree.compile_overlay(overlay)
    device_tree.apply_overlay(base, overlay, path)
