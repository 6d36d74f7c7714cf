"""The driver's way to the original project's accelerator, on files that are laid out like a board's devices."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_tca import MODULES, SYNC, TcaBoard
from fpga import ARM, TWIN, assert_layers, build_program
from native import gcc
from programs import Builder, evaluate
from runtime_programs import values
from streams import check_stream

from dlk.build import trace_program
from dlk.codegen import emit
from dlk.errors import DlkError
from dlk.lowering.program import Program
from dlk.lowering.tca import PLACES, tca_plan
from dlk.lowering.tca_registers import REGISTERS
from dlk.targets import Target
from dlk.verify.executors import LibraryExecutor, ProgramExecutor


def network() -> Program:
    """Both kernels, both moves, several tiles, channels that are no multiple of 32; sums at the end."""
    net = Builder("original", (34, 62, 3), 1).float_conv(1, 32, 2).quant_conv(3, 40, 2).quant_conv(1, 64, 2)
    net.space_to_depth().quant_conv(3, 128, 2).depth_to_space()
    return net.quant_conv(1, 33, 2).quant_conv(3, 5, 0).program()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_program(tmp_path_factory.mktemp("tca") / "project", network())


def opened(library: Path, root: Path, timeout: int = 20000) -> LibraryExecutor:
    cleared = {"DLK_FPGA_MEMORY": "", "DLK_FPGA_BUFFER": "", "DLK_FPGA_REGISTERS": ""}
    wanted = {"DLK_FPGA": "original_tca", "DLK_FPGA_ROOT": str(root), "DLK_FPGA_TIMEOUT_MS": str(timeout)}
    return LibraryExecutor(library, name="tca", variables={**cleared, **wanted})


def refused(library: Path, root: Path) -> str:
    with pytest.raises(DlkError) as caught:
        opened(library, root)
    return str(caught.value.received)


@pytest.mark.parametrize("modules", [True, False])
def test_every_layer_is_equal_and_every_register_is_written(library: Path, tmp_path: Path, modules: bool) -> None:
    program = network()
    plan = tca_plan(program)
    places = {place.name: place.address for place in PLACES}
    if modules:
        places |= {"input": MODULES["udmabuf0"], "output": MODULES["udmabuf1"]}
    with TcaBoard(tmp_path, modules=modules) as board, opened(library, tmp_path) as executor:
        assert plan.kernels is not None and plan.thresholds is not None
        np.testing.assert_array_equal(board.place("kernels", plan.kernels.size), plan.kernels)
        np.testing.assert_array_equal(board.place("thresholds", plan.thresholds.size), plan.thresholds)
        for seed in range(2):
            x = values(program, seed)
            np.testing.assert_array_equal(executor.run(x), evaluate(program, x)["output"])
        assert len(board.runs) == 2 * len(plan.layers)
        for layer, found in zip(plan.layers * 2, board.runs, strict=True):
            want = dict(layer.registers) | {"start": 1}
            for place in plan.places:
                want[REGISTERS[place.register]] += places[place.name]
            assert found == want, layer.name
        assert_layers(program, executor.trace(x), x)


def test_only_what_changes_is_synchronised(library: Path, tmp_path: Path) -> None:
    with TcaBoard(tmp_path, modules=True), opened(library, tmp_path) as executor:
        executor.run(values(network()))
        told = [[(tmp_path / "sys/class/udmabuf" / name / s).read_text().strip() for s in SYNC] for name in MODULES]
    last = 34 * 62
    assert told == [["0", str(2 * last * 8), "", "1"], ["0", str(last * 64), "1", ""]]


def test_a_stream_is_as_many_runs(library: Path, tmp_path: Path) -> None:
    program = network()
    frames = [values(program, seed) for seed in range(3)]
    with TcaBoard(tmp_path, modules=True), opened(library, tmp_path) as executor:
        check_stream(executor, frames, [evaluate(program, x)["output"] for x in frames])


def test_codes_may_be_the_result(tmp_path: Path) -> None:
    program = Builder("codes", (5, 33, 3), 2).float_conv(1, 8, 2).quant_conv(1, 40, 2).dequantize().program()
    library = build_program(tmp_path / "project", program)
    x = values(program)
    with TcaBoard(tmp_path / "board", modules=True), opened(library, tmp_path / "board") as executor:
        assert_layers(program, executor.trace(x), x)


def traced(library: Path, root: Path, target: Target) -> ProgramExecutor:
    """Return the library in a process of its own, emulated where the target is."""
    variables = {"DLK_FPGA": "original_tca", "DLK_FPGA_ROOT": str(root), "DLK_FPGA_TIMEOUT_MS": "20000"}
    program = trace_program(library.parents[1])
    return ProgramExecutor(library, program, name=target.name, emulator=target.emulator, variables=variables)


@pytest.mark.needs("gcc", "g++")
def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    program = network()
    emit(program, tmp_path / "project", TWIN)
    library = gcc("DLK_SANITIZE=ON")(tmp_path / "project", TWIN)
    x = values(program)
    with TcaBoard(tmp_path / "board", modules=True):
        assert_layers(program, traced(library, tmp_path / "board", TWIN).trace(x), x)


@pytest.mark.needs("qemu-arm")
def test_the_library_of_the_board_is_equal_on_an_emulated_one(tmp_path: Path) -> None:
    """Physical addresses beyond 2 GiB, on a machine of 32 bits."""
    program = network()
    library = build_program(tmp_path / "project", program, ARM)
    x = values(program)
    with TcaBoard(tmp_path / "board", modules=False):
        assert_layers(program, traced(library, tmp_path / "board", ARM).trace(x), x)


def test_a_run_that_does_not_end_names_the_layer_and_all_registers(library: Path, tmp_path: Path) -> None:
    program = network()
    x = values(program)
    with TcaBoard(tmp_path, modules=True) as board, opened(library, tmp_path, timeout=30) as executor:
        board.idle = True
        with pytest.raises(DlkError) as caught:
            executor.run(x)
        told = str(caught.value.received)
        assert "the accelerator did not end in time: no end within 30 ms, in layer conv2" in told
        assert "never run on a board" in told
        numbers = told.split("registers:")[1].split()
        assert [text.split("=")[0] for text in numbers] == [str(n) for n in range(53)]
        first = tca_plan(program).layers[0].registers
        assert numbers[0] == "0=1"
        assert numbers[1] == f"1={MODULES['udmabuf0']:x}"
        assert numbers[18] == f"18={first['adma_input_space']:x}" == "18=83c"
        assert numbers[52] == "52=0"
        with pytest.raises(DlkError, match="did not run") as caught:
            executor.run(x)
        assert "still busy with an earlier run, in layer conv2" in str(caught.value.received)
        board.registers[0] = 0
        board.end()
        board.idle = False
    with TcaBoard(tmp_path / "again", modules=True), opened(library, tmp_path / "again") as executor:
        np.testing.assert_array_equal(executor.run(x), evaluate(program, x)["output"])


def test_a_run_that_ended_late_is_no_hindrance(library: Path, tmp_path: Path) -> None:
    program = network()
    x = values(program)
    with TcaBoard(tmp_path, modules=True) as board, opened(library, tmp_path, timeout=2000) as executor:
        board.idle = True
        with pytest.raises(DlkError):
            executor.run(x)
        board.idle = False  # it goes on, and ends
        np.testing.assert_array_equal(executor.run(x), evaluate(program, x)["output"])


def test_a_network_that_does_not_fit_is_refused_with_its_layers(fpga_library: Path, tmp_path: Path) -> None:
    with TcaBoard(tmp_path, modules=True):
        told = refused(fpga_library, tmp_path)
    assert "original_tca lacks what it needs: conv5: activations of 1 bits (2 bits); conv6: activations" in told


def test_our_own_accelerator_is_not_taken_for_it(library: Path, tmp_path: Path) -> None:
    board = TcaBoard(tmp_path, modules=True)
    board.registers[0] = 0x314B4C44
    assert "the FPGA holds our own accelerator: leave DLK_FPGA unset" in refused(library, tmp_path)
    assert not board.registers[1:].any()


MISSING: dict[str, tuple[Callable[[Path], object], str]] = {
    "registers": (lambda root: (root / "dev/mem").unlink(), "dev/mem: No such file"),
    "iomem": (lambda root: (root / "proc/iomem").unlink(), "proc/iomem does not tell which memory is the kernel's"),
    "device": (lambda root: (root / "dev/udmabuf1").unlink(), "dev/udmabuf1: No such file"),
    "size": (
        lambda root: (root / "sys/class/udmabuf/udmabuf0/size").write_text("4096\n"),
        f"udmabuf0 has 4096 bytes, and the network needs {34 * 62 * 2 * 8}",
    ),
    "attribute": (
        lambda root: (root / "sys/class/udmabuf/udmabuf1/phys_addr").unlink(),
        "udmabuf1 lacks what u-dma-buf has",
    ),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_told(library: Path, tmp_path: Path, name: str) -> None:
    remove, words = MISSING[name]
    TcaBoard(tmp_path, modules=True)
    remove(tmp_path)
    assert words in refused(library, tmp_path)


def test_memory_of_the_kernel_is_never_touched(library: Path, tmp_path: Path) -> None:
    """Such as with a device tree that is not the original's."""
    TcaBoard(tmp_path, modules=False, ram=0x40000000)
    told = refused(library, tmp_path)
    assert "memory at 0x20000000 is the kernel's" in told
    assert "boot with the original's device tree" in told
    shutil.rmtree(tmp_path)
    TcaBoard(tmp_path, modules=True, ram=0x38000001)
    assert "memory at 0x38000000 is the kernel's" in refused(library, tmp_path)
    shutil.rmtree(tmp_path)
    with TcaBoard(tmp_path, modules=True, ram=0x38000000), opened(library, tmp_path) as executor:
        assert executor.input_shape == (34, 62, 3)
