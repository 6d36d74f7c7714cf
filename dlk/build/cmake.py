"""Configure and build a generated project with the CMake and Ninja that came from PyPI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dlk.build.process import run_logged
from dlk.build.toolchain import environment, write_toolchain
from dlk.errors import DlkError, InternalError
from dlk.targets import Target

CONFIGURE_SECONDS = 300.0  # the first use of a target compiles the compiler's own runtime
BUILD_SECONDS = 1800.0
MEMORY_FIX = "read the log; when the compiler was killed, the memory was short: run it with fewer jobs"


def build_folder(project: Path, target: Target) -> Path:
    """Return the folder of a target's build tree inside the generated project."""
    return project / "build" / target.name


def trace_program(project: Path, target: Target) -> Path:
    """Return the path of the driver that writes every layer's codes, built beside the library."""
    return build_folder(project, target) / "dlk_trace"


def default_jobs() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


def build(project: Path, target: Target, *, jobs: int | None = None, toolchain: Path | None = None) -> Path:
    """Build the library and the trace driver of ``target`` from an emitted project; return the library's path.

    The whole output of CMake and the compiler is in ``<project>/build/<target>.log``. ``toolchain`` replaces the
    toolchain file written for the ziglang compiler. Raises DlkError with the log's last lines when a step fails.
    """
    if not (project / "CMakeLists.txt").is_file():
        raise DlkError("not a generated project", where=str(project), expected="a folder with CMakeLists.txt")
    cmake, ninja = _tools()
    folder = build_folder(project, target)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder.with_suffix(".log")
    log.unlink(missing_ok=True)
    file = toolchain or write_toolchain(target, folder / "toolchain.cmake")
    variables = environment()
    configure = [
        str(cmake), "-S", str(project), "-B", str(folder), "-G", "Ninja",
        f"-DCMAKE_MAKE_PROGRAM={ninja}", f"-DCMAKE_TOOLCHAIN_FILE={file}", "-DCMAKE_BUILD_TYPE=Release",
        f"-DDLK_TARGET={target.name}",
    ]  # fmt: skip
    run_logged(
        configure,
        log=log,
        environment=variables,
        timeout=CONFIGURE_SECONDS,
        what=f"CMake could not configure the project for {target.name}",
        fix=MEMORY_FIX,
    )
    run_logged(
        [str(cmake), "--build", str(folder), "--parallel", str(jobs or default_jobs()), "--target", "dlk", "dlk_trace"],
        log=log,
        environment=variables,
        timeout=BUILD_SECONDS,
        what=f"the library for {target.name} did not compile",
        fix=MEMORY_FIX,
    )
    library = folder / target.library
    if not library.is_file():
        raise InternalError(
            "the build ended well but left no library", where=str(log), expected=str(library), fix="report this"
        )
    return library


def _tools() -> tuple[Path, Path]:
    """Return the programs of the cmake and ninja wheels."""
    try:
        import cmake
        import ninja
    except ImportError as error:
        raise DlkError(
            "a build tool is not installed", expected="cmake and ninja", fix=f"pip install {error.name}"
        ) from (error)
    found = []
    for folder, name in ((cmake.CMAKE_BIN_DIR, "cmake"), (ninja.BIN_DIR, "ninja")):
        program = shutil.which(name, path=str(folder))
        if program is None:
            raise DlkError(f"the {name} wheel has no program", where=str(folder), fix=f"pip install --force {name}")
        found.append(Path(program))
    return found[0], found[1]
