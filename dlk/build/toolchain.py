"""The compiler that every library is built with: clang as shipped in the ziglang wheel, told to CMake."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from dlk.errors import DlkError
from dlk.targets import Target

# Flags from the user's shell could change what floats compute (-ffast-math); the build takes none of them.
FOREIGN_VARIABLES = (
    "AR", "CC", "CFLAGS", "CPATH", "CPLUS_INCLUDE_PATH", "CPPFLAGS", "CXX", "CXXFLAGS", "C_INCLUDE_PATH",
    "LDFLAGS", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CMAKE_BUILD_TYPE", "CMAKE_GENERATOR", "CMAKE_TOOLCHAIN_FILE",
    "MAKEFLAGS", "NINJA_STATUS",
)  # fmt: skip

PROCESSORS = {"x86_64": "x86_64", "arm": "armv7l", "aarch64": "aarch64"}

TOOLCHAIN = """\
# Written by dlk.build for {name}: clang of the ziglang wheel, C library of {triple}.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR {processor})
set(CMAKE_CXX_COMPILER "{zig}" c++ -target {triple} -mcpu={cpu})
set(CMAKE_C_COMPILER "{zig}" cc -target {triple} -mcpu={cpu})
# Nothing here links the C++ library, and the compiler would take a minute to build its own for each new CPU.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostdlib++")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-nostdlib++")
"""


def cache_folder() -> Path:
    """Return the writable folder for compiler caches: BLUEOIL_CACHE, else ~/.cache/blueoil, else under the temp dir."""
    named = os.environ.get("BLUEOIL_CACHE")
    candidates = [Path(named)] if named else []
    base = os.environ.get("XDG_CACHE_HOME")
    candidates.append((Path(base) if base else Path("~/.cache").expanduser()) / "blueoil")
    candidates.append(Path(tempfile.gettempdir()) / f"blueoil-cache-{os.getuid()}")
    for folder in candidates:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise DlkError(
        "no writable folder for the compiler's cache",
        received=", ".join(map(str, candidates)),
        fix="set BLUEOIL_CACHE to a folder that you may write",
    )


def zig() -> Path:
    """Return the compiler of the ziglang wheel."""
    try:
        import ziglang
    except ImportError as error:
        raise DlkError("the compiler is not installed", expected="ziglang", fix="pip install ziglang") from error
    program = Path(ziglang.__file__).parent / "zig"
    if not program.is_file():
        raise DlkError("the ziglang wheel has no compiler", where=str(program), fix="pip install --force ziglang")
    return program


def environment() -> dict[str, str]:
    """Return the environment of configure and build: the user's, less foreign flags, plus the compiler's cache."""
    variables = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    cache = cache_folder() / "zig"
    variables["ZIG_GLOBAL_CACHE_DIR"] = variables["ZIG_LOCAL_CACHE_DIR"] = str(cache)
    return variables


def write_toolchain(target: Target, file: Path) -> Path:
    """Write the CMake toolchain file for ``target`` and return its path."""
    file.write_text(
        TOOLCHAIN.format(
            name=target.name,
            triple=target.triple,
            cpu=target.cpu,
            processor=PROCESSORS[target.triple.split("-")[0]],
            zig=zig().as_posix(),
        ),
        encoding="utf-8",
    )
    return file
