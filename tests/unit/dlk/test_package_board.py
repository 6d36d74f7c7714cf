"""The board's files in a package: packed where right, refused where wrong, named where missing."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from board_files import FILES, IMAGE, PRELOADER, TREE, U_BOOT, write_board_files, write_tree
from conversions import Done
from exports import PROCESSORS, write_export
from packages import bare_site, make_package, run_device
from test_convert_fpga import fitting

from dlk.convert import convert
from dlk.errors import DlkError, VerificationError
from dlk.package.board import KINDS, find_board_files
from dlk.verify_package import verify_package

TUTORIAL = {"preloader-mkpimage.bin", "soc_system.rbf", "soc_system.dtb"}


@pytest.fixture
def boot(tmp_path: Path) -> Path:
    """A folder of boot files, less the device tree, with an FPGA image beside."""
    return write_board_files(tmp_path / "made")[0]


def test_nothing_is_there_and_all_is_named(tmp_path: Path) -> None:
    board = find_board_files(tmp_path, tmp_path / "none.rbf")
    board.write(tmp_path / "fpga")
    assert [path.name for path in (tmp_path / "fpga").iterdir()] == ["README.md"]
    rows = [line for line in (tmp_path / "fpga" / "README.md").read_text().splitlines() if "**missing**" in line]
    assert len(rows) == len(KINDS)
    assert "`make bitstream`, or `blueoil convert --bitstream FILE`" in rows[0]
    assert all("`make boot`" in row for row in rows[1:])
    assert board.missing.keys() > TUTORIAL


@pytest.mark.needs("dtc")
def test_all_is_packed_and_hashed(boot: Path, tmp_path: Path) -> None:
    write_tree(boot / "soc_system.dtb")
    board = find_board_files(boot, boot.parent / "image.rbf")
    assert (board.missing, board.open) == ({}, {})
    package = make_package(tmp_path, board)
    names = {path.name for path in (package / "fpga").iterdir()}
    assert names == {"README.md", "soc_system.rbf", "soc_system.dtb", *FILES}
    assert names > TUTORIAL
    assert (package / "fpga" / "soc_system.rbf").read_bytes() == IMAGE
    assert (package / "fpga" / "README.md").read_text().count("**missing**") == 0
    hashes = yaml.safe_load((package / "models" / "meta.yaml").read_text())["hashes"]
    for name in names - {"README.md"}:
        want = hashlib.sha256((package / "fpga" / name).read_bytes()).hexdigest()
        assert hashes[f"../fpga/{name}"] == want
    assert not [name for name in hashes if "README" in name]


def test_the_self_test_of_the_package_reads_the_boards_files(boot: Path, tmp_path: Path) -> None:
    package, site = make_package(tmp_path, find_board_files(boot)), bare_site(tmp_path / "site")
    script, library = package / "python" / "run.py", package / "models" / "lib" / "libdlk_x86.so"
    assert run_device(script, site, "--self-test", "-m", library).returncode == 0
    changed = package / "fpga" / "u-boot-with-spl.sfp"
    changed.write_bytes(U_BOOT + b"\0")
    done = run_device(script, site, "--self-test", "-m", library)
    assert (done.returncode, "u-boot-with-spl.sfp" in done.stderr) == (3, True)
    shutil.rmtree(package / "fpga")  # a board that runs needs none of them
    assert run_device(script, site, "--self-test", "-m", library).returncode == 0


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("preloader-mkpimage.bin", U_BOOT, "size in bytes"),
        ("preloader-mkpimage.bin", PRELOADER[:0x20000] * 2 + b"\0", "size in bytes"),
        ("u-boot-with-spl.sfp", PRELOADER, "first bytes of U-Boot"),
        ("boot.scr", b"echo boot", "size in bytes"),
        ("soc_system.dtb", b"no tree", "no whole device tree"),
        ("SOURCE.txt", b"mine", "names no licence"),
        ("u-boot-with-spl.sfp", bytes((1 << 24) + 1), "too large"),
    ],
)
def test_a_file_of_a_wrong_form_is_refused_and_named(boot: Path, name: str, content: bytes, reason: str) -> None:
    (boot / name).write_bytes(content)
    with pytest.raises(DlkError, match=reason) as caught:
        find_board_files(boot)
    assert str(boot / name) in str(caught.value.where)


def test_a_wrong_bitstream_is_refused(boot: Path) -> None:
    with pytest.raises(DlkError, match="no raw binary file") as caught:
        find_board_files(boot, boot / "SOURCE.txt")
    assert caught.value.where == str(boot / "SOURCE.txt")


@pytest.mark.needs("dtc")
def test_a_tree_without_the_accelerator_is_refused_and_unseen_without_the_tool(
    boot: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tree = boot / "soc_system.dtb"
    subprocess.run(["dtc", "-I", "dts", "-O", "dtb", "-o", tree], input=TREE, text=True, check=True)
    with pytest.raises(DlkError, match=r"dlk@3c000000 reg"):
        find_board_files(boot)
    monkeypatch.setenv("PATH", str(tmp_path))
    board = find_board_files(boot)
    assert "fdtget" in board.open["soc_system.dtb"]
    board.write(tmp_path / "fpga")
    assert "not checked" in (tmp_path / "fpga" / "README.md").read_text()


def test_a_conversion_packs_them_with_the_accelerators_library(
    boot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = shutil.which
    hidden = ("verilator", "qemu-arm", "fdtget")  # nothing of the accelerator runs
    monkeypatch.setattr(shutil, "which", lambda name, **words: None if name in hidden else found(name, **words))
    board = find_board_files(boot, boot.parent / "image.rbf")
    export = write_export(tmp_path / "export", model=fitting())
    convert(export, targets=("x86", "fpga"), processors=PROCESSORS, jobs=2, board=board)
    packed = export / "output" / "fpga"
    assert (packed / "soc_system.rbf").read_bytes() == IMAGE
    assert "`soc_system.dtb` | device tree | **missing**: `make boot`" in (packed / "README.md").read_text()
    verify_package(export)
    (packed / "soc_system.rbf").write_bytes(IMAGE[:-1])
    with pytest.raises(VerificationError) as caught:
        verify_package(export)
    assert caught.value.where == str(packed / "soc_system.rbf")


def test_a_package_without_that_library_has_no_such_folder(done: Done) -> None:
    assert not (done.export / "output" / "fpga").exists()
