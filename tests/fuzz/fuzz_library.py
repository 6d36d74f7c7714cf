"""The library of a small network with a step of every kind, and the driver that calls its C API at random."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

from fuzz_networks import SEEDS, meta_of

from dlk.build import build
from dlk.codegen import emit
from dlk.frontends.onnx import load
from dlk.lowering import lower
from dlk.passes import run_passes
from dlk.targets import TARGETS

HERE = Path(__file__).parent
_X86 = TARGETS["x86"]
_PORTABLE = dataclasses.replace(_X86, isas=_X86.isas[:1])
_FLAGS = ("-O2", "-g1", "-Wall", "-Wextra", "-Wno-psabi", "-fno-omit-frame-pointer")
_CXX = ("-std=gnu++20", "-DDLK_SANITIZE", "-ffp-contract=off", "-fno-math-errno", "-fno-exceptions", "-fno-rtti",
        "-Wno-missing-field-initializers")  # fmt: skip
_SANITIZERS = "-fsanitize=address,undefined"


def built(folder: Path) -> Path:
    """Return the library, compiled as convert does it, or the one that is there already."""
    library = folder / "build" / _PORTABLE.library
    return library if library.is_file() else build(_project(folder), _PORTABLE)


def plain_driver(folder: Path, program: Path) -> Path:
    """Link the driver of the C API with our own main() and without sanitizers, which take long to compile."""
    library = built(folder)
    sources = [HERE / "fuzz_capi.c", HERE / "fuzz_alone.c"]
    warnings = ["-O1", "-Wall", "-Wextra", "-Werror", f"-I{folder / 'include'}"]
    subprocess.run(["gcc", *warnings, "-o", program, *sources, library, "-lpthread", "-lm"], check=True)
    return program


def driver(folder: Path) -> tuple[Path, str]:
    """Return the driver of the C API with AddressSanitizer and UndefinedBehaviorSanitizer, and what chooses its inputs.

    libFuzzer where there is a clang that has it, else a main() of our own, which sees no coverage.
    """
    project = _project(folder)
    if _has_libfuzzer(folder):
        return _compiled(project, "clang", "clang++", "-fsanitize=fuzzer"), "libFuzzer"
    return _compiled(project, "gcc", "g++", ""), "fuzz_alone.c"


def _project(folder: Path) -> Path:
    model = load(SEEDS / "onnx_bytes" / "good-small.onnx")
    run_passes(model)
    emit(lower(model, meta_of(model)), folder, _PORTABLE)
    return folder


def _has_libfuzzer(folder: Path) -> bool:
    source = folder / "probe.c"
    source.write_text("int LLVMFuzzerTestOneInput(const char* d, long n) { return d && n < 0; }\n")
    command = ["clang", "-fsanitize=fuzzer", source, "-o", folder / "probe"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _compiled(project: Path, c: str, cxx: str, fuzzer: str) -> Path:
    flags = [*_FLAGS, _SANITIZERS, "-fno-sanitize-recover=all", f"-I{project / 'include'}"]
    watched = [*flags, "-fsanitize=fuzzer-no-link"] if fuzzer else flags
    objects = [project / "driver.o"]
    subprocess.run([c, *watched, "-c", HERE / "fuzz_capi.c", "-o", objects[0]], check=True)
    if not fuzzer:
        objects.append(project / "alone.o")
        subprocess.run([c, *flags, "-c", HERE / "fuzz_alone.c", "-o", objects[1]], check=True)
    sources = sorted([*project.glob("src/*.cpp"), *project.glob("generated/*.cpp")])
    program = project / "driver"
    subprocess.run(
        [cxx, *watched, *([fuzzer] if fuzzer else []), *_CXX, *sources, *objects, "-lpthread", "-o", program],
        check=True,
    )
    return program
