"""Libraries with the accelerator's driver, and the stand-in for the accelerator, built once for all tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from programs import evaluate

from dlk.build import build, trace_program
from dlk.build.toolchain import environment, zig
from dlk.codegen import emit
from dlk.lowering.program import Program, QuantConv
from dlk.targets import TARGETS, TWINS, Target
from dlk.verify.executors import LibraryExecutor, ProgramExecutor

HERE = Path(__file__).parent
TWIN, ARM = TWINS["fpga"], TARGETS["fpga"]


def stand_in_file(folder: Path, target: Target) -> Path:
    """Return where ``build_stand_in`` puts the library."""
    return folder / f"stand_in_{target.name}.so"


def build_stand_in(folder: Path, target: Target) -> Path:
    """Compile stand_in.c for a target."""
    library = stand_in_file(folder, target)
    flags = ["-O2", "-fno-sanitize=all", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    include = Path(emit.__code__.co_filename).parents[1] / "hw" / "sim"
    command = [zig(), "cc", "-target", target.triple, f"-mcpu={target.cpu}", *flags, f"-I{include}"]
    subprocess.run([*command, HERE / "stand_in.c", "-o", library], env=environment(), check=True)
    return library


def build_program(folder: Path, program: Program, target: Target = TWIN) -> Path:
    """Emit and build a program; return the library."""
    emit(program, folder, target)
    return build(folder, target, jobs=2)


@contextmanager
def opened(library: Path, stand_in: Path, *, fault: str = "", **variables: str) -> Iterator[LibraryExecutor]:
    """Open a library for this machine with the stand-in behind it."""
    wanted = {"DLK_FPGA": "sim", "DLK_FPGA_SIM": str(stand_in), "STAND_IN": fault, **variables}
    with LibraryExecutor(library, name="fpga", variables=wanted) as executor:
        yield executor


def traced(library: Path, stand_in: Path, target: Target) -> ProgramExecutor:
    """Return the library in a process of its own, emulated where the target is."""
    variables = {"DLK_FPGA": "sim", "DLK_FPGA_SIM": str(stand_in)}
    program = trace_program(library.parents[1])
    return ProgramExecutor(library, program, name=target.name, emulator=target.emulator, variables=variables)


def assert_layers(program: Program, got: dict[str, NDArray], x: NDArray[np.float32]) -> None:
    """Compare the codes of every quantized convolution, and every bit of the output."""
    want = evaluate(program, x)
    layers = [s.name for s in program.steps if isinstance(s, QuantConv) and program.tensors[s.output].bits]
    for name in layers:
        np.testing.assert_array_equal(got[name], want[name], err_msg=name)
    np.testing.assert_array_equal(got["output"].view(np.uint32), want["output"].view(np.uint32))
