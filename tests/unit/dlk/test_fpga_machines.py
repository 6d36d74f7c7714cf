"""The driver under sanitizers, without memory to ask for, and on ARM by an emulator."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from accelerated import drawn, segnet
from fpga import ARM, TWIN, assert_layers, build_program, build_stand_in, traced
from native import gcc
from runtime_programs import values

from dlk.build import check_symbols
from dlk.codegen import emit

ALLOCATIONS = Path(__file__).parent / "allocations.c"


@pytest.mark.needs("gcc", "g++")
@pytest.mark.parametrize("seed", [1, 33, 52])
def test_sanitizers_find_nothing(stand_in: Path, tmp_path: Path, seed: int) -> None:
    """Rows that end before and behind the end of a word; codes at the end, or sums of several passes."""
    program = drawn(seed)
    emit(program, tmp_path / "project", TWIN)
    library = gcc("DLK_SANITIZE=ON")(tmp_path / "project", TWIN)
    x = values(program)
    assert_layers(program, traced(library, stand_in, TWIN).trace(x), x)


@pytest.mark.needs("gcc")
def test_a_run_asks_for_no_memory(fpga_library: Path, stand_in: Path, tmp_path: Path) -> None:
    include = fpga_library.parents[1] / "include"
    command = ["gcc", "-Wall", "-Wextra", "-Werror", f"-I{include}", "-o", tmp_path / "allocations"]
    subprocess.run([*command, ALLOCATIONS, fpga_library, "-ldl", "-lpthread"], check=True)
    environment = {**os.environ, "DLK_FPGA": "sim", "DLK_FPGA_SIM": str(stand_in)}
    result = subprocess.run([tmp_path / "allocations"], capture_output=True, text=True, env=environment, check=True)
    making, running = map(int, result.stdout.split())
    assert making >= 6, "the network, its memory; the driver, its bus, its memory; the stand-in"
    assert running == 0


@pytest.mark.needs("qemu-arm")
def test_the_library_of_the_board_is_equal_on_an_emulated_one(tmp_path: Path) -> None:
    program = segnet()
    library = build_program(tmp_path / "project", program, ARM)
    assert check_symbols(library).machine == "arm"
    x = values(program)
    assert_layers(program, traced(library, build_stand_in(tmp_path, ARM), ARM).trace(x), x)
