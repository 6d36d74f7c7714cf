"""The same program on ARM by emulators, and under the sanitizers of the machine's own compiler."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from catalogue import present
from native import gcc
from numpy.typing import NDArray
from programs import codes, evaluate
from runtime_programs import PROGRAMS, mixed, sized

from dlk.build import build, check_symbols, trace_program
from dlk.codegen import emit
from dlk.lowering.program import Program
from dlk.targets import TARGETS
from dlk.verify.records import read_records


def run_and_compare(program: Program, command: list[str], library: Path, folder: Path, **environment: str) -> None:
    """Compare on an input with subnormal sums, and on one without, which ARMv7 gives to its vector unit."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=program.tensors[program.input].shape).astype(np.float32)
    for values in (np.where(np.arange(len(x))[:, None, None] % 2, x, x * np.float32(1e-38)), x):
        run_and_compare_on(values, program, command, library, folder, **environment)


def run_and_compare_on(
    x: NDArray[np.float32], program: Program, command: list[str], library: Path, folder: Path, **environment: str
) -> None:
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
    target, program = TARGETS[target_name], mixed()
    emit(program, folder / "project", target)
    library = build(folder / "project", target)
    check_symbols(library)
    run_and_compare(program, [*target.emulator, str(trace_program(folder / "project"))], library, folder)


@pytest.mark.needs("qemu-arm")
def test_armv7(tmp_path: Path) -> None:
    emulated("arm", tmp_path)


@pytest.mark.needs("qemu-aarch64")
def test_aarch64(tmp_path: Path) -> None:
    emulated("aarch64", tmp_path)


@pytest.mark.needs("qemu-x86_64")
def test_a_machine_without_avx_runs_the_baseline_only(projects: dict[str, Path], tmp_path: Path) -> None:
    """Under an emulated processor that knows SSE2 only, any AVX instruction would end the program."""
    project = projects["everything"]
    library = project / "build" / TARGETS["x86"].library
    command = ["qemu-x86_64", "-cpu", "qemu64", str(trace_program(project))]
    run_and_compare(PROGRAMS["everything"], command, library, tmp_path)
    arguments = [*command, str(library), "x", "y"]
    for isa in ("avx2", "avx512"):
        result = subprocess.run(arguments, env={"DLK_ISA": isa}, capture_output=True, text=True)
        assert result.returncode == 1
        assert result.stderr.endswith(f"an instruction set that this machine does not have: {isa}\n")


class Sanitized:
    """A build with AddressSanitizer and UndefinedBehaviorSanitizer; another program compiles only what differs."""

    def __init__(self, folder: Path, isas: tuple[str, ...]) -> None:
        target = TARGETS["x86"]
        self.folder = folder
        self.target = dataclasses.replace(target, isas=tuple(isa for isa in target.isas if isa.name in isas))

    def check(self, program: Program) -> None:
        """Build, run on every instruction set that the machine has, and compare."""
        project = self.folder / "project"
        emit(program, self.folder / "emitted", self.target)
        for source in (path for path in (self.folder / "emitted").rglob("*") if path.is_file()):
            copy = project / source.relative_to(self.folder / "emitted")
            if not (copy.is_file() and copy.read_bytes() == source.read_bytes()):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
        gcc("DLK_SANITIZE=ON")(project, self.target)
        for isa in present(self.target).isas:
            self.run(program, isa.name)

    def run(self, program: Program, isa: str) -> None:
        """Run once and compare every layer."""
        build = self.folder / "project/build"
        run_and_compare(program, [str(build / "dlk_trace")], build / self.target.library, self.folder, DLK_ISA=isa)


@pytest.mark.needs("gcc", "g++")
def test_sanitizers_find_nothing_in_any_step(tmp_path: Path) -> None:
    sanitized = Sanitized(tmp_path, ("avx2",))
    sanitized.check(mixed())
    failed = subprocess.run(
        [tmp_path / "project/build/dlk_trace", tmp_path / "project/build" / sanitized.target.library, "x", "y"],
        env={"DLK_ISA": "vax"}, capture_output=True, text=True,
    )  # fmt: skip
    assert failed.returncode == 1 and failed.stderr.count("\n") == 1  # a failed initialisation leaks nothing


@pytest.mark.needs("gcc", "g++")
def test_sanitizers_find_nothing_at_any_size(tmp_path: Path) -> None:
    """Images narrower than the kernels, and rows that end before, at and behind the end of a word and of a tile."""
    sanitized = Sanitized(tmp_path, ("portable", "avx512"))
    for height, width in ((1, 1), (7, 1), (2, 63), (3, 256), (16, 32), (1, 513)):
        sanitized.check(sized(height, width))


def test_the_trace_driver_tells_what_is_wrong(projects: dict[str, Path], tmp_path: Path) -> None:
    project = projects["slim"]
    library = project / "build" / TARGETS["x86"].library
    driver = str(trace_program(project))
    (tmp_path / "short").write_bytes(b"1234")
    (tmp_path / "nan").write_bytes(np.full(9, np.nan, np.float32).tobytes())
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
