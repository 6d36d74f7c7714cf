"""The same program on ARM by emulators, and under the sanitizers of the machine's own compiler."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import Builder, codes, evaluate

from dlk.build import build, check_symbols, trace_program
from dlk.codegen import emit
from dlk.lowering.program import Program
from dlk.targets import TARGETS
from dlk.verify.records import read_records

TOOLS = Path(sys.executable).parent


def mixed() -> Program:
    """Both ends in floats, with sums that pass through subnormal numbers."""
    net = Builder("mixed", (12, 20, 3), 4).space_to_depth().float_conv(3, 7, 2).quant_conv(3, 12, 2).space_to_depth()
    return net.quant_conv(3, 16, 3).depth_to_space().quant_conv(1, 5, 2).quant_conv(3, 3, 0).program()


def dequantized() -> Program:
    net = Builder("dequantized", (9, 21, 3), 5).float_conv(1, 6, 4).quant_conv(5, 5, 1).dequantize()
    return net.float_conv(3, 4, 0).program()


def run_and_compare(program: Program, command: list[str], library: Path, folder: Path, **environment: str) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=program.tensors[program.input].shape).astype(np.float32)
    x[::2] *= np.float32(1e-38)
    x.tofile(folder / "x.f32")
    arguments = [*command, str(library), str(folder / "x.f32"), str(folder / "out.bin")]
    result = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    got, want = read_records(folder / "out.bin"), evaluate(program, x)
    expected = codes(program, want)
    assert list(got) == [*expected, "output"]
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)
    np.testing.assert_array_equal(got["output"].view(np.uint32), want["output"].view(np.uint32))


def emulated(target_name: str, folder: Path) -> None:
    target = TARGETS[target_name]
    for program in (mixed(), dequantized()):
        project = folder / program.name
        emit(program, project, target)
        library = build(project, target)
        check_symbols(library)
        run_and_compare(program, [*target.emulator, str(trace_program(project))], library, folder)


@pytest.mark.needs("qemu-arm")
def test_armv7(tmp_path: Path) -> None:
    emulated("arm", tmp_path)


@pytest.mark.needs("qemu-aarch64")
def test_aarch64(tmp_path: Path) -> None:
    emulated("aarch64", tmp_path)


@pytest.mark.needs("qemu-x86_64")
def test_a_machine_without_avx_runs_the_baseline_only(tmp_path: Path) -> None:
    """Under an emulated processor that knows SSE2 only, any AVX instruction would end the program."""
    target = TARGETS["x86"]
    program = dequantized()
    emit(program, tmp_path / "p", target)
    library = build(tmp_path / "p", target)
    command = ["qemu-x86_64", "-cpu", "qemu64", str(trace_program(tmp_path / "p"))]
    run_and_compare(program, command, library, tmp_path)
    arguments = [*command, str(library), "x", "y"]
    for isa in ("avx2", "avx512"):
        result = subprocess.run(arguments, env={"DLK_ISA": isa}, capture_output=True, text=True)
        assert result.returncode == 1
        assert result.stderr.endswith(f"an instruction set that this machine does not have: {isa}\n")


@pytest.mark.needs("gcc", "g++")
@pytest.mark.parametrize(("program", "isas"), [(mixed(), ("sse2", "avx2")), (dequantized(), ("portable", "avx512"))])
def test_sanitizers_find_nothing(tmp_path: Path, program: Program, isas: tuple[str, ...]) -> None:
    target = TARGETS["x86"]
    target = dataclasses.replace(target, isas=tuple(isa for isa in target.isas if isa.name in isas))
    project, folder = tmp_path / "project", tmp_path / "native"
    emit(program, project, target)
    configure = [TOOLS / "cmake", "-S", project, "-B", folder, "-G", "Ninja", "-DDLK_SANITIZE=ON"]
    compilers = ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_CXX_COMPILER=g++", f"-DCMAKE_MAKE_PROGRAM={TOOLS / 'ninja'}"]
    subprocess.run([*configure, *compilers], check=True, capture_output=True)
    built = subprocess.run([TOOLS / "cmake", "--build", folder], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout
    assert "warning:" not in built.stdout
    flags = Path("/proc/cpuinfo").read_text()
    needed = {"avx2": " avx2 ", "avx512": " avx512vl "}
    for isa in isas:
        if needed.get(isa, "") in flags:
            library = folder / target.library
            run_and_compare(program, [str(folder / "dlk_trace")], library, tmp_path, DLK_ISA=isa)


def test_the_trace_driver_tells_what_is_wrong(tmp_path: Path) -> None:
    program = Builder("tiny", (2, 3, 1), 7).float_conv(1, 2, 0).program()
    emit(program, tmp_path / "p", TARGETS["x86"])
    library = build(tmp_path / "p", TARGETS["x86"])
    driver = str(trace_program(tmp_path / "p"))
    (tmp_path / "short").write_bytes(b"1234")
    (tmp_path / "nan").write_bytes(np.full(6, np.nan, np.float32).tobytes())
    for arguments, text in (
        ([], "usage"),
        (["nothing.so", "a", "b"], "nothing.so"),
        ([library, tmp_path / "short", tmp_path / "o"], "short"),
        ([library, tmp_path / "nan", tmp_path / "o"], "NaN"),
        ([library, tmp_path / "nan", tmp_path / "no" / "o"], "cannot write"),
    ):
        result = subprocess.run([driver, *arguments], capture_output=True, text=True)
        assert result.returncode == 1
        assert text in result.stderr and result.stderr.count("\n") == 1
