"""Build the simulated accelerator, libdlk_fpga_sim.so, with Verilator and a C++ compiler."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlk.build.process import run_logged
from dlk.build.toolchain import environment
from dlk.errors import DlkError

RTL = Path(__file__).parent.parent / "rtl"
HARNESS = Path(__file__).parent
TOP = "dlk_core"
OLDEST_VERILATOR = "5.006"
LIBRARY = "libdlk_fpga_sim.so"
CLIENT = HARNESS / "remote" / "client.cpp"
CLIENT_FLAGS = (
    "-std=c++17", "-O2", "-g0", "-fPIC", "-shared", "-Wall", "-Wextra", "-fno-exceptions", "-fno-rtti", "-nostdlib++",
)  # fmt: skip
"""It needs no C++ library, and zig would take minutes to make one for its machine."""
VERILATOR_FLAGS = ("--cc", "-O3", "--x-assign", "fast", "--x-initial", "unique", "--noassert", "--no-timing", "-Wall")
FLAGS = (
    "-std=c++17", "-O2", "-g0", "-fPIC", "-shared", "-fno-strict-aliasing", "-DVL_TIME_CONTEXT", "-w",
    "-include", "popcount.h",
)  # fmt: skip
"""What the sources are compiled with on every machine."""
VERILATE_SECONDS, COMPILE_SECONDS = 120.0, 600.0


@dataclass(frozen=True, slots=True)
class Sources:
    """The C++ of the model and its harness: files to compile, and folders to look for headers in."""

    files: tuple[Path, ...]
    includes: tuple[Path, ...]


def modules() -> list[Path]:
    """Return the files of the accelerator, one module each."""
    return sorted(RTL.glob("*.sv"))


def place(directory: Path, compiler: Sequence[str]) -> Path:
    """Return where ``build`` puts the library, whether it is there already or not."""
    return directory / f"sim-{_digest(compiler)}" / LIBRARY


def build(directory: Path, compiler: Sequence[str]) -> Path:
    """Return the library in ``directory``, built unless the same sources were built there by the same compiler.

    compiler: a C++ compiler and the flags of its machine.
    Raises DlkError when Verilator or the compiler is missing or fails.
    """

    def make(work: Path) -> None:
        sources = verilate(work)
        run_logged(
            [*compiler, *FLAGS, *(f"-I{path}" for path in sources.includes), *map(str, sources.files),
             "-o", str(work / LIBRARY)],
            log=directory / "sim.log", environment=environment(), timeout=COMPILE_SECONDS,
            what="the simulated accelerator did not compile", fix="install a C++17 compiler, or read the log",
        )  # fmt: skip

    return _once(place(directory, compiler), make)


def build_client(directory: Path, compiler: Sequence[str]) -> Path:
    """Return the library of remote/client.cpp, for a program that reaches a simulator elsewhere; built once.

    compiler: a C++ compiler and the flags of the program's machine. Raises DlkError when it fails.
    """
    digest = hashlib.sha256(repr(tuple(compiler)).encode())
    for path in (CLIENT, HARNESS / "sim.h"):
        digest.update(path.read_bytes())

    def make(work: Path) -> None:
        run_logged(
            [*compiler, *CLIENT_FLAGS, f"-I{HARNESS}", str(CLIENT), "-o", str(work / LIBRARY)],
            log=directory / "client.log", environment=environment(), timeout=COMPILE_SECONDS,
            what="the way to the simulated accelerator did not compile", fix="read the log",
        )  # fmt: skip

    return _once(directory / f"client-{digest.hexdigest()[:16]}" / LIBRARY, make)


def _once(library: Path, make: Callable[[Path], None]) -> Path:
    """Return the library, made in a folder of its own unless it is there; a second process waits for the first."""
    directory = library.parent.parent
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.is_file():
            with tempfile.TemporaryDirectory(dir=directory) as work:
                make(Path(work))
                library.parent.mkdir(exist_ok=True)
                (Path(work) / LIBRARY).replace(library)
    return library


def verilate(directory: Path) -> Sources:
    """Translate the modules to C++ in ``directory``; return all that a compiler needs, of any machine.

    Raises DlkError when Verilator is missing or refuses the modules.
    """
    if shutil.which("verilator") is None:
        raise DlkError(
            "the accelerator cannot be simulated", expected=f"the program verilator, {OLDEST_VERILATOR} or newer",
            received="none on the PATH", fix="install it, on Debian: apt install verilator",
        )  # fmt: skip
    log = directory / "verilator.log"
    _verilator(
        [*VERILATOR_FLAGS, "--top-module", TOP, "--Mdir", str(directory), *map(str, modules())], log,
        "the accelerator does not translate",
    )  # fmt: skip
    answer = directory / "root.log"
    _verilator(["--getenv", "VERILATOR_ROOT"], answer, "verilator does not tell where it is installed")
    root = Path(answer.read_text().splitlines()[-1]) / "include"
    generated = sorted(directory.glob(f"V{TOP}*.cpp"))
    return Sources(
        files=(*generated, root / "verilated.cpp", root / "verilated_threads.cpp", HARNESS / "sim.cpp"),
        includes=(directory, root, root / "vltstd", HARNESS),
    )


def _verilator(arguments: Sequence[str], log: Path, what: str) -> None:
    run_logged(
        ["verilator", *arguments], log=log, environment=os.environ, timeout=VERILATE_SECONDS, what=what,
        fix=f"install verilator {OLDEST_VERILATOR} or newer, or read the log",
    )  # fmt: skip


def _digest(compiler: Sequence[str]) -> str:
    digest = hashlib.sha256(repr((VERILATOR_FLAGS, FLAGS, tuple(compiler))).encode())
    for path in [*modules(), *sorted(HARNESS.glob("*.cpp")), *sorted(HARNESS.glob("*.h"))]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
