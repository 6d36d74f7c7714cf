"""The outside programs: LLVM's disassembler, symboliser and pipeline model, and qemu's user emulators."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

from blueoil.bench.run import run
from blueoil.errors import BlueoilError

NEWEST_TRIED = 30
OLDEST_LLVM = 15  # the first whose llvm-mca models in-order cores well; 19 gave the figures of docs/arm.md
PACKAGE = "llvm-19"


@dataclass(frozen=True, slots=True)
class Llvm:
    """Three programs of one LLVM version."""

    version: str
    mca: str
    objdump: str
    symbolizer: str


def find_llvm() -> Llvm:
    """Return the newest LLVM on PATH that has all three programs. Raises BlueoilError naming the package."""
    for suffix in ("", *(f"-{version}" for version in range(NEWEST_TRIED, OLDEST_LLVM - 1, -1))):
        programs = [shutil.which(f"llvm-{name}{suffix}") for name in ("mca", "objdump", "symbolizer")]
        if None in programs:
            continue
        found = re.search(r"version (\d+)[\d.]*", run([str(programs[0]), "--version"]))
        if found and int(found[1]) >= OLDEST_LLVM:
            return Llvm(found[0].removeprefix("version "), *map(str, programs))
    raise BlueoilError(
        "llvm-mca is not installed",
        expected=f"llvm-mca, llvm-objdump and llvm-symbolizer of LLVM {OLDEST_LLVM} or later on PATH",
        fix=f"apt install {PACKAGE}",
    )


def need(program: str, package: str) -> None:
    """Raise BlueoilError when ``program`` is not on PATH."""
    if shutil.which(program) is None:
        raise BlueoilError(f"{program} is not installed", fix=f"apt install {package}")
