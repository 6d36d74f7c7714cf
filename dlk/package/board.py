"""The folder ``fpga`` of a package: what a DE10-Nano boots from, checked in its form; what is missing is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dlk.errors import DlkError
from dlk.hw.board.de10_nano.boot.device_tree import check_header, check_tree
from dlk.hw.board.de10_nano.boot.preloader import check_preloader, check_with_u_boot
from dlk.hw.board.de10_nano.boot.script import check_script
from dlk.hw.board.de10_nano.fpga_image import check_image

FOLDER = "fpga"
BOOT, BITSTREAM = Path("build/boot"), Path("build/bitstream/soc_system.rbf")
"""Where `make boot` and `make bitstream` put them."""
LARGEST = 1 << 24
_BOOT_COMMAND = "`make boot`"
_IMAGE_COMMAND = "`make bitstream`, or `blueoil convert --bitstream FILE`"


def _bytes(check: Callable[[bytes], None]) -> Callable[[Path, bytes], str]:
    def checked(_: Path, content: bytes) -> str:
        check(content)
        return ""

    return checked


def _tree(path: Path, content: bytes) -> str:
    check_header(content)
    if shutil.which("fdtget") is None:
        return "; its nodes were not checked, since `fdtget` is not installed"
    check_tree(path)
    return ""


def _offer(content: bytes) -> None:
    if b"GPL-2.0" not in content:
        raise DlkError("this names no licence", expected="the offer of the source, GPL-2.0", fix="make boot")


@dataclass(frozen=True, slots=True)
class Kind:
    """A file of the folder. ``check``: raises DlkError where the form is wrong, else returns what it left open."""

    name: str
    what: str
    check: Callable[[Path, bytes], str]
    command: str = _BOOT_COMMAND


IMAGE = "soc_system.rbf"
KINDS: tuple[Kind, ...] = (
    Kind(IMAGE, "FPGA image with the accelerator", _bytes(check_image), _IMAGE_COMMAND),
    Kind("soc_system.dtb", "device tree", _tree),
    Kind("preloader-mkpimage.bin", "preloader", _bytes(check_preloader)),
    Kind("u-boot-with-spl.sfp", "preloader and U-Boot", _bytes(check_with_u_boot)),
    Kind("boot.scr", "what U-Boot does at start", _bytes(check_script)),
    Kind("SOURCE.txt", "where U-Boot's source is; goes with its binaries", _bytes(_offer)),
)

README = """\
# What the board boots from

For a Terasic DE10-Nano and `models/lib/libdlk_fpga.so`. How it gets onto a card, and what runs it: `docs/fpga.md` of
Blueoil. **Not yet run on hardware.**

| file | what it is | |
|---|---|---|
{rows}
{missing}"""
_HERE = "here; its SHA-256 stands in `models/meta.yaml`"
_MISSING = """
What is missing is made in Blueoil's own folder. Convert again then, or lay it here.
"""


@dataclass(frozen=True, slots=True)
class BoardFiles:
    """Checked files by name, whole; ``open``: what a check could not see, by name."""

    present: Mapping[str, bytes] = field(default_factory=dict)
    open: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> dict[str, str]:
        """Return what is not there, and the command that makes it."""
        return {kind.name: kind.command for kind in KINDS if kind.name not in self.present}

    def write(self, folder: Path) -> None:
        """Write all files, and README.md, into the new ``folder``."""
        folder.mkdir()
        for name, content in self.present.items():
            (folder / name).write_bytes(content)
        rows = [f"| `{kind.name}` | {kind.what} | {self._state(kind)} |" for kind in KINDS]
        text = README.format(rows="\n".join(rows), missing=_MISSING if self.missing else "")
        (folder / "README.md").write_text(text, encoding="utf-8")

    def _state(self, kind: Kind) -> str:
        return _HERE + self.open.get(kind.name, "") if kind.name in self.present else f"**missing**: {kind.command}"


def find_board_files(boot: Path = BOOT, bitstream: Path = BITSTREAM) -> BoardFiles:
    """Return what is in the folder ``boot``, and the FPGA image ``bitstream``, as far as they are there.

    Raises DlkError, with the reason, for a file whose form is wrong.
    """
    present, left_open = {}, {}
    for kind in KINDS:
        path = bitstream if kind.name == IMAGE else boot / kind.name
        if not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
            if len(content) > LARGEST:
                raise DlkError("this file is too large", expected=f"at most {LARGEST:,} bytes")
            left_open[kind.name] = kind.check(path, content)
        except OSError as error:
            raise DlkError("a file of the board cannot be read", where=str(path), received=error.strerror) from error
        except DlkError as error:
            where = f"{path}, {error.where}" if error.where and error.where != str(path) else str(path)
            raise DlkError(
                error.what, where=where, expected=error.expected, received=error.received, fix=error.fix
            ) from error
        present[kind.name] = content
    return BoardFiles(present, {name: text for name, text in left_open.items() if text})
