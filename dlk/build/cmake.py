"""Configure and build a generated project with the CMake, the Ninja and the compiler that came from PyPI."""

from __future__ import annotations

import shutil
from pathlib import Path

from dlk.build.jobs import JobPool, default_jobs
from dlk.build.process import run_logged
from dlk.build.toolchain import environment, zig
from dlk.errors import DlkError, InternalError
from dlk.targets import Target

CONFIGURE_SECONDS = 300.0  # the first use of a target compiles the compiler's own runtime
BUILD_SECONDS = 1800.0
FAILURE_FIX = "read the log; when the compiler was killed, the memory was short: run it with fewer jobs"

# CMake first tries the compiler on small programs. Without these flags, which are those of the libraries, zig would
# compile a C++ library and a second runtime, with sanitizers, only for that: a minute for each target.
TRY_FLAGS = "-O3 -nostdlib++ -mcpu={cpu}"


def build_folder(project: Path) -> Path:
    """Return the folder of the build tree inside a generated project."""
    return project / "build"


def trace_program(project: Path) -> Path:
    """Return the path of the driver that writes every layer's codes, built beside the library."""
    return build_folder(project) / "dlk_trace"


def prune(project: Path, *keep: str) -> None:
    """Remove the build tree but for the trace driver and files named so; sources, log and driver stay for a look."""
    kept = {trace_program(project).name, *keep}
    for path in build_folder(project).iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in kept:
            path.unlink()


def build(project: Path, target: Target, *, jobs: int | JobPool | None = None, toolchain: Path | None = None) -> Path:
    """Build the library and the trace driver of an emitted project; return the library's path.

    The whole output of CMake and the compiler is in ``<project>/build.log``. ``jobs``: how many at once, or a pool
    that other builds use too, of which the caller holds a job. ``toolchain`` replaces the project's own toolchain
    file, which compiles with zig. Raises DlkError with the log's last lines when a step fails.
    """
    project = project.resolve()  # CMake would look for a relative toolchain file in the build tree
    file = toolchain or project / "toolchain.cmake"
    for needed in (project / "CMakeLists.txt", file):
        if not needed.is_file():
            raise DlkError("not a generated project", where=str(project), expected=f"a file {needed}")
    cmake, ninja = tools()
    folder = build_folder(project)
    log = project / "build.log"
    log.unlink(missing_ok=True)
    pool = jobs if isinstance(jobs, JobPool) else None
    parallel = [] if pool else ["--parallel", str(jobs or default_jobs())]  # a number would overrule the pool
    variables = {**environment(), **(pool.variables if pool else {})}
    cancelled = pool.cancelled if pool else None
    configure = [
        str(cmake), "-S", str(project), "-B", str(folder), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        f"-DCMAKE_MAKE_PROGRAM={ninja}", f"-DCMAKE_TOOLCHAIN_FILE={file}", f"-DDLK_ZIG={zig()}",
    ]  # fmt: skip
    if toolchain is None:
        configure += [f"-DCMAKE_{language}_FLAGS={TRY_FLAGS.format(cpu=target.cpu)}" for language in ("C", "CXX")]
    run_logged(
        configure,
        log=log,
        environment=variables,
        timeout=CONFIGURE_SECONDS,
        what=f"CMake could not configure the project for {target.name}",
        fix=FAILURE_FIX,
        cancelled=cancelled,
    )
    run_logged(
        [str(cmake), "--build", str(folder), *parallel, "--target", "dlk", "dlk_trace"],
        log=log,
        environment=variables,
        timeout=BUILD_SECONDS,
        what=f"the library for {target.name} did not compile",
        fix=FAILURE_FIX,
        cancelled=cancelled,
    )
    library = folder / target.library
    if not library.is_file():
        raise InternalError(
            "the build ended well but left no library", where=str(log), expected=str(library), fix="report this"
        )
    return library


def tools() -> tuple[Path, Path]:
    """Return the programs of the cmake and ninja wheels. Raises DlkError where one is missing."""
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
