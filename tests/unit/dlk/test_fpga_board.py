"""The driver's way to a real board, on files that are laid out like its devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from accelerated import segnet, step_of
from fake_board import ADDRESS, SYNC, Board
from fpga import assert_layers
from runtime_programs import values

from dlk.errors import DlkError
from dlk.verify.executors import LibraryExecutor


@pytest.fixture
def library(fpga_library: Path) -> Path:
    return fpga_library


def opened(library: Path, root: Path, **variables: str) -> LibraryExecutor:
    cleared = {"DLK_FPGA": "", "DLK_FPGA_MEMORY": "", "DLK_FPGA_BUFFER": "", "DLK_FPGA_TIMEOUT_MS": "20000"}
    return LibraryExecutor(library, name="board", variables={**cleared, "DLK_FPGA_ROOT": str(root), **variables})


def refused(library: Path, root: Path, **variables: str) -> str:
    with pytest.raises(DlkError) as caught:
        opened(library, root, **variables)
    return str(caught.value.received)


@pytest.mark.parametrize(
    ("kind", "name", "variables"),
    [
        ("u-dma-buf", "udmabuf0", {}),
        ("udmabuf", "udmabuf0", {}),
        ("u-dma-buf", "camera", {"DLK_FPGA_BUFFER": "camera"}),
        (None, "", {"DLK_FPGA_MEMORY": f"{ADDRESS:#x}:0x100000"}),
    ],
)
def test_every_layer_is_equal_by_each_kind_of_memory(
    library: Path, tmp_path: Path, kind: str | None, name: str, variables: dict[str, str]
) -> None:
    program = segnet()
    board = Board(tmp_path, kind=kind, name=name)
    with board, opened(library, tmp_path, **variables) as executor:
        for seed in range(2):
            board.ready()
            x = values(program, seed)
            assert_layers(program, executor.trace(x), x)
    assert board.runs == 2


def test_only_what_changes_is_synchronised(library: Path, tmp_path: Path) -> None:
    step = step_of(segnet())
    board = Board(tmp_path)
    with board, opened(library, tmp_path) as executor:
        assert [(board.folder / name).read_text() for name in SYNC] == ["0", str(step.image.nbytes), "", "1"]
        executor.run(values(segnet()))
        told = [(board.folder / name).read_text() for name in SYNC]
        assert told[0] == str(step.slots[0].output)
        assert told[2:] == ["1", "1"]


def test_only_one_network_has_the_accelerator(library: Path, tmp_path: Path) -> None:
    with Board(tmp_path), opened(library, tmp_path):
        assert "another network uses it" in refused(library, tmp_path)
    with opened(library, tmp_path) as executor:
        assert executor.input_shape == (16, 16, 3)


def test_what_is_missing_is_told(library: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    told = refused(library, tmp_path / "empty")
    assert "there is no memory to share: neither" in told
    assert "empty/sys/class/u-dma-buf/udmabuf0" in told
    Board(tmp_path / "small", size=4096)
    needed = step_of(segnet()).size
    assert f"udmabuf0 has 4096 bytes, and the network needs {needed}" in refused(library, tmp_path / "small")
    Board(tmp_path / "odd", address=ADDRESS + 64)
    assert "lies at 0x38000040, which is no multiple of 128" in refused(library, tmp_path / "odd")
    for attribute in ("phys_addr", "size", *SYNC):
        board = Board(tmp_path / attribute)
        (board.folder / attribute).unlink()
        assert "udmabuf0 lacks what u-dma-buf has" in refused(library, tmp_path / attribute)
    board = Board(tmp_path / "device")
    board.memory_file.unlink()
    assert "dev/udmabuf0: No such file" in refused(library, tmp_path / "device")
    board = Board(tmp_path / "registers")
    board.physical.unlink()
    assert "dev/mem: No such file" in refused(library, tmp_path / "registers")


def test_a_region_must_be_an_address_and_a_size(library: Path, tmp_path: Path) -> None:
    Board(tmp_path, kind=None)
    for text in ("here", "0x38000000", "0x38000000:", "0x38000000:1x", "0x38000000:0"):
        assert f"DLK_FPGA_MEMORY is {text}, and not ADDRESS:BYTES" in refused(library, tmp_path, DLK_FPGA_MEMORY=text)
    told = refused(library, tmp_path, DLK_FPGA_MEMORY="0xffffff80:0x100000")
    assert "lies at 0xffffff80, which is no multiple of 128 below 4 GiB" in told
    assert "has 128 bytes" in refused(library, tmp_path, DLK_FPGA_MEMORY="0x38000000:128")


def test_an_fpga_that_is_not_configured_is_not_touched(library: Path, tmp_path: Path) -> None:
    board = Board(tmp_path / "power", state="power off", facts=())
    assert "the FPGA is not configured" in (told := refused(library, tmp_path / "power"))
    assert 'fpga0/state tells "power off"' in told
    assert not board.registers.any()
    Board(tmp_path / "nothing", facts=())
    assert "nothing answers: ID reads 0" in refused(library, tmp_path / "nothing")
    Board(tmp_path / "foreign", facts=(0xCAFE,))
    assert "a foreign device: ID reads cafe" in refused(library, tmp_path / "foreign")


def test_registers_may_lie_elsewhere(library: Path, tmp_path: Path) -> None:
    board = Board(tmp_path)
    with board.physical.open("r+b") as file:
        file.seek(0x1000)
        file.write(np.array([0xBEEF], np.uint32).tobytes())
    assert "ID reads beef" in refused(library, tmp_path, DLK_FPGA_REGISTERS="0x1000")
    for text in ("0x1004", "here", "0x1000h"):
        told = refused(library, tmp_path, DLK_FPGA_REGISTERS=text)
        assert f"DLK_FPGA_REGISTERS is {text}, and not an address of a page" in told
