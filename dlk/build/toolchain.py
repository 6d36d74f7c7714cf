"""The compiler that every library is built with, clang as shipped in the ziglang wheel, and its surroundings."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from dlk.errors import DlkError

# Flags from the user's shell could change what floats compute (-ffast-math); the build takes none of them.
FOREIGN_VARIABLES = (
    "AR", "CC", "CFLAGS", "CPATH", "CPLUS_INCLUDE_PATH", "CPPFLAGS", "CXX", "CXXFLAGS", "C_INCLUDE_PATH",
    "LDFLAGS", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CMAKE_BUILD_TYPE", "CMAKE_GENERATOR", "CMAKE_TOOLCHAIN_FILE",
    "MAKEFLAGS", "NINJA_STATUS",
)  # fmt: skip


def cache_folder() -> Path:
    """Return the writable folder for compiler caches: BLUEOIL_CACHE, else ~/.cache/blueoil, else under the temp dir."""
    named = os.environ.get("BLUEOIL_CACHE")
    candidates = [Path(named)] if named else []
    base = os.environ.get("XDG_CACHE_HOME")
    candidates.append((Path(base) if base else Path("~/.cache").expanduser()) / "blueoil")
    shared = (
        Path(tempfile.gettempdir()) / f"blueoil-cache-{os.getuid()}"
    )  # anyone can make one there, so its owner counts
    candidates.append(shared)
    for folder in candidates:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            foreign = folder == shared and (folder.is_symlink() or folder.stat().st_uid != os.getuid())
        except OSError:
            continue
        if os.access(folder, os.W_OK | os.X_OK) and not foreign:
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
