"""The boot recipe: what the boot ROM would refuse, what a download must be, what the device tree must hold."""

from __future__ import annotations

import hashlib
import http.server
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from board_files import IMAGE, PRELOADER, U_BOOT, copy_of, script_of
from hypothesis import given
from hypothesis import strategies as st

from dlk.errors import DlkError
from dlk.hw.board.de10_nano.boot import device_tree, source, tools
from dlk.hw.board.de10_nano.boot.preloader import (
    check_preloader,
    check_with_u_boot,
    image_crc,
)
from dlk.hw.board.de10_nano.boot.recipe import SCRIPT
from dlk.hw.board.de10_nano.boot.script import check_script
from dlk.hw.board.de10_nano.fpga_image import FILL, SYNC, UNCOMPRESSED_BYTES, check_image
from dlk.package.board import find_board_files

ROOT = Path(__file__).parents[2]
BASE = """/dts-v1/;
/ { #address-cells = <1>; #size-cells = <1>; model = "a board"; memory@0 { reg = <0 0x40000000>; }; };
"""


def changed(image: bytes, at: int, new: bytes) -> bytes:
    return image[:at] + new + image[at + len(new) :]


GOOD = PRELOADER


def test_the_crc_is_the_one_of_bzip2() -> None:
    assert image_crc(b"123456789") == 0xFC891918  # the check value of CRC-32/BZIP2


@given(st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=40))
def test_a_right_image_passes(words: list[bytes]) -> None:
    check_preloader(copy_of(b"".join(words)) * 4)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (GOOD[:-1], "size in bytes"),
        (GOOD + b"\0", "size in bytes"),
        (changed(GOOD, 0x40, b"AS02"), "validation word"),
        (changed(GOOD, 0x44, b"\1"), "header version"),
        (changed(GOOD, 0x46, b"\1"), "header checksum"),
        (changed(GOOD, 0x48, b"\1"), "reserved field"),
        (changed(GOOD, 0x4A, b"\0\0"), "header checksum"),
        (changed(GOOD, 0x50, b"\xff"), "CRC"),
        (changed(GOOD, 0x30040, b"\0"), "validation word"),
        (changed(GOOD, 0x20050, b"\xff"), "CRC"),
        (changed(changed(GOOD, 0x46, b"\0\0"), 0x4A, struct.pack("<H", sum(b"AS01"))), "length"),
    ],
)
def test_a_broken_image_is_refused_with_its_reason(image: bytes, reason: str) -> None:
    with pytest.raises(DlkError, match=reason):
        check_preloader(image)


def test_the_copy_that_is_broken_is_named() -> None:
    with pytest.raises(DlkError) as caught:
        check_preloader(changed(GOOD, 0x20050, b"\xff"))
    assert caught.value.where == "copy 2"


def test_u_boot_stands_behind_the_preloader() -> None:
    check_with_u_boot(U_BOOT)
    for broken in (GOOD, GOOD + bytes(64)):
        with pytest.raises(DlkError, match="first bytes of U-Boot"):
            check_with_u_boot(broken)


@given(st.binary(max_size=50))
def test_a_right_script_passes(data: bytes) -> None:
    check_script(script_of(data))


PACKED = script_of(b"boot it")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (PACKED[:63], "size in bytes"),
        (changed(PACKED, 0, b"\0"), "magic"),
        (changed(PACKED, 8, b"\1"), "CRC of the header"),
        (script_of(b"boot it", kind=2), "kind"),
        (PACKED[:-1], "size of the data"),
        (changed(PACKED, 64, b"B"), "CRC of the data"),
    ],
)
def test_a_broken_script_is_refused_with_its_reason(image: bytes, reason: str) -> None:
    with pytest.raises(DlkError, match=reason):
        check_script(image)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (b"", "no raw binary file"),
        (b"SOF\0" + IMAGE, "no raw binary file"),
        (changed(IMAGE, 0x7F, b"\0"), "no raw binary file"),
        (changed(IMAGE, 0x80, b"\0"), "no raw binary file"),
        ((FILL + SYNC).ljust(UNCOMPRESSED_BYTES, b"\0"), "not a compressed one"),
    ],
)
def test_an_image_of_another_form_is_refused(image: bytes, reason: str) -> None:
    check_image(IMAGE)
    check_image(IMAGE.ljust(UNCOMPRESSED_BYTES - 1, b"\0"))
    with pytest.raises(DlkError, match=reason):
        check_image(image)


# --- downloads ---


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Yield a folder and the address at which it is served."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def published(folder: Path, *mirrors: str) -> source.SourcePackage:
    """Write a source package of one tar file into ``folder``."""
    data = b"the source"
    (folder / "tool_1+x.tar").write_bytes(data)
    text = f"Source: tool\nChecksums-Sha256:\n {hashlib.sha256(data).hexdigest()} {len(data)} tool_1+x.tar\nFiles:\n"
    (folder / "tool_1+x.dsc").write_text(text, encoding="utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return source.SourcePackage("tool", "1+x", digest, 0.1, "GPL-2.0", mirrors)


@pytest.fixture(autouse=True)
def no_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_apt_has", lambda package: False)


def test_the_next_mirror_is_asked(mirror: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = mirror
    dsc = source.fetch(published(folder, address + "gone/", address), tmp_path / "got")
    assert {path.name for path in dsc.parent.iterdir()} == {"tool_1+x.dsc", "tool_1+x.tar"}
    assert (dsc.parent / "tool_1+x.tar").read_bytes() == b"the source"


def test_what_is_there_is_not_asked_again_but_checked(mirror: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = mirror
    package = published(folder, address)
    dsc = source.fetch(package, tmp_path / "got")
    for path in folder.iterdir():
        path.unlink()
    source.fetch(package, tmp_path / "got")
    (dsc.parent / "tool_1+x.tar").write_bytes(b"another one")
    with pytest.raises(DlkError, match=r"tool_1\+x\.tar could not be downloaded"):
        source.fetch(package, tmp_path / "got")


@pytest.mark.parametrize(("data", "reason"), [(b"the sauce!", "sha256 "), (b"the source, and more", "longer than 10")])
def test_a_wrong_download_is_refused(mirror: tuple[Path, str], tmp_path: Path, data: bytes, reason: str) -> None:
    folder, address = mirror
    package = published(folder, address)
    (folder / "tool_1+x.tar").write_bytes(data)
    with pytest.raises(DlkError) as caught:
        source.fetch(package, tmp_path / "got")
    assert reason in (caught.value.received or "")
    assert [path.name for path in (tmp_path / "got").iterdir()] == ["tool_1+x.dsc"]


@pytest.mark.parametrize(
    "text",
    ["Source: tool\n", "Checksums-Sha256:\n 00 1 ../tool.tar\n", "Checksums-Sha256:\n 00 1 /etc/tool\n"],
)
def test_a_description_without_plain_files_is_refused(text: str) -> None:
    with pytest.raises(DlkError):
        source.files_of(text)


def test_the_recipe_names_the_hash_of_what_it_builds() -> None:
    assert len(source.U_BOOT.dsc_sha256) == 64
    assert source.U_BOOT.dsc == "u-boot_2023.01+dfsg-2+deb12u3.dsc"


# --- tools ---


def fake_dpkg(folder: Path, installed: list[str]) -> None:
    lines = "".join(f"echo '{name} installed'\n" for name in installed)
    program = folder / "dpkg-query"
    program.write_text(f"#!/bin/sh\n{lines}echo 'swig config-files'\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_dpkg(tmp_path, [name for name in tools.PACKAGES if name not in {"swig", "bison"}])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tools.missing_packages() == ["bison", "swig"]
    with pytest.raises(DlkError) as caught:
        tools.require_packages(install=False)
    assert caught.value.received == "bison, swig"
    assert "apt-get install --yes --no-install-recommends bison swig" in (caught.value.fix or "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(DlkError, match="Only root"):
        tools.require_packages(install=True)


def test_without_dpkg_it_says_where_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DlkError, match="Debian") as caught:
        tools.missing_packages()
    assert "docker run" in (caught.value.fix or "")


def test_the_command_ends_with_status_1_and_the_reason(tmp_path: Path) -> None:
    fake_dpkg(tmp_path, [])
    done = subprocess.run(
        [sys.executable, "-m", "dlk.hw.board.de10_nano.boot", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "gcc-arm-linux-gnueabihf" in done.stderr
    assert not (tmp_path / "out").exists()


# --- device tree ---


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a small board's tree with the overlay applied."""
    (tmp_path / "base.dts").write_text(BASE, encoding="utf-8")
    subprocess.run(["dtc", "-O", "dtb", "-o", tmp_path / "base.dtb", tmp_path / "base.dts"], check=True)
    device_tree.compile_overlay(tmp_path / "overlay.dtbo")
    device_tree.apply_overlay(tmp_path / "base.dtb", tmp_path / "overlay.dtbo", tmp_path / "tree.dtb")
    return tmp_path / "tree.dtb"


@pytest.mark.needs("dtc")
def test_the_overlay_compiles_without_warnings_and_applies(tree: Path) -> None:
    device_tree.check_tree(tree)
    device_tree.check_header(tree.read_bytes())
    told = subprocess.run(
        ["dtc", "-I", "dts", "-O", "dtb", "-o", os.devnull, device_tree.OVERLAY],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stderr == ""
    dumped = subprocess.run(["fdtdump", tree], capture_output=True, text=True, check=True).stdout
    assert 'model = "a board"' in dumped
    assert "memory@0" in dumped
    assert 'compatible = "ikwzm,u-dma-buf"' in dumped


@pytest.mark.needs("dtc")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["-d", "TREE", device_tree.FIXED, "no-map"], "no-map"),
        (["-r", "TREE", device_tree.POOL], "dlk-pool@28000000 reg"),
        (["-r", "TREE", device_tree.ACCELERATOR], "accelerator@ff200000 reg"),
        (["-t", "x", "TREE", device_tree.ACCELERATOR, "reg", "ff300000", "1000"], "accelerator@ff200000 reg"),
        (["-t", "x", "TREE", device_tree.BUFFER, "memory-region", "77"], "dlk-buffer memory-region"),
    ],
)
def test_a_tree_that_lacks_something_is_refused(tree: Path, change: list[str], reason: str) -> None:
    subprocess.run(["fdtput", *(str(tree) if word == "TREE" else word for word in change)], check=True)
    with pytest.raises(DlkError, match=reason):
        device_tree.check_tree(tree)


@pytest.mark.needs("dtc")
def test_a_cut_tree_is_refused(tree: Path) -> None:
    whole = tree.read_bytes()
    for broken in (b"", whole[:-1], changed(whole, 0, b"\0")):
        with pytest.raises(DlkError, match="no whole device tree"):
            device_tree.check_header(broken)


@pytest.mark.needs("dtc")
def test_what_is_no_tree_is_told(tmp_path: Path) -> None:
    (tmp_path / "base.dtb").write_bytes(b"no tree")
    device_tree.compile_overlay(tmp_path / "overlay.dtbo")
    with pytest.raises(DlkError, match=r"does not apply to base\.dtb"):
        device_tree.apply_overlay(tmp_path / "base.dtb", tmp_path / "overlay.dtbo", tmp_path / "tree.dtb")
    (tmp_path / "wrong.dts").write_text("no source", encoding="utf-8")
    with pytest.raises(DlkError, match="does not compile") as caught:
        device_tree.compile_overlay(tmp_path / "overlay.dtbo", tmp_path / "wrong.dts")
    assert "wrong.dts" in (caught.value.received or "")


# --- all of it ---


def test_the_boot_script_loads_the_fabric_before_it_opens_the_bridges() -> None:
    script = SCRIPT.read_text(encoding="utf-8")
    steps = ["soc_system.rbf", "fpga load 0", "bridge enable 6", "soc_system.dtb", "zImage", "bootz"]
    places = [script.index(step) for step in steps]
    assert places == sorted(places)


@pytest.mark.skipif("BLUEOIL_BOOT" not in os.environ, reason="minutes and a download; set BLUEOIL_BOOT=1")
def test_the_whole_recipe(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dlk.hw.board.de10_nano.boot", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    check_preloader((tmp_path / "preloader-mkpimage.bin").read_bytes())
    check_with_u_boot((tmp_path / "u-boot-with-spl.sfp").read_bytes())
    device_tree.check_tree(tmp_path / "soc_system.dtb")
    assert SCRIPT.read_bytes() in (tmp_path / "boot.scr").read_bytes()
    assert not {"boot.scr", "SOURCE.txt"} & find_board_files(tmp_path).missing.keys()
    offer = (tmp_path / "SOURCE.txt").read_text(encoding="utf-8")
    assert source.U_BOOT.version in offer
    assert "GPL-2.0" in offer
    assert not list(tmp_path.glob("*.part"))
