"""What a built library may ask of the machine it is loaded on: an old C library and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dlk.build.elf import Elf, read_elf
from dlk.errors import InternalError

# The C library of CentOS 7 and of every board image since 2013; the tutorial's Ubuntu 16.04 has 2.23.
NEWEST_GLIBC = (2, 17)

# Files of the C library itself. libstdc++, libc++ and libgcc_s are not among them: boards may lack them.
C_LIBRARY_FILES = ("libc.so", "libm.so", "libpthread.so", "libdl.so", "librt.so", "ld-linux")

# What dlopen callers see; anything else is hidden, so that two networks in one process never share a symbol.
EXPORTED = ("dlk_", "network_")


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """What was found: the machine, the newest C library symbol wanted as (major, minor...), and the exports."""

    machine: str
    newest_glibc: tuple[int, ...]
    exports: tuple[str, ...]


def check_symbols(library: Path) -> SymbolReport:
    """Return what ``library`` needs and offers; InternalError lists everything that an old board lacks."""
    elf = read_elf(library)
    faults = [*_foreign_files(elf), *_foreign_symbols(elf), *_leaked_symbols(elf)]
    newest = max((_version(symbol.version) for symbol in elf.symbols if _is_glibc(symbol.version)), default=())
    if faults:
        raise InternalError(
            "a built library would not load on an old system",
            where=str(library),
            expected=f"C symbols of GLIBC_{_dotted(NEWEST_GLIBC)} at most, exports named {' or '.join(EXPORTED)}*",
            received="; ".join(faults[:8]) + (f"; and {len(faults) - 8} more" if len(faults) > 8 else ""),
            fix="report this as a fault of the code generator",
        )
    exports = tuple(sorted(symbol.name for symbol in elf.symbols if symbol.defined))
    return SymbolReport(machine=elf.machine, newest_glibc=newest, exports=exports)


def _foreign_files(elf: Elf) -> list[str]:
    return [f"needs {name}" for name in elf.needed if not name.startswith(C_LIBRARY_FILES)]


def _foreign_symbols(elf: Elf) -> list[str]:
    faults = []
    for symbol in elf.symbols:
        if symbol.defined:
            continue
        if symbol.name.startswith("_Z"):
            faults.append(f"wants the C++ symbol {symbol.name}")
        elif _is_glibc(symbol.version):
            if _version(symbol.version) > NEWEST_GLIBC:
                faults.append(f"wants {symbol.name}@{symbol.version}")
        elif symbol.version:
            faults.append(f"wants {symbol.name}@{symbol.version}")
        elif not symbol.weak:
            faults.append(f"wants {symbol.name}, which no library is known to have")
    return faults


def _leaked_symbols(elf: Elf) -> list[str]:
    return [
        f"exports {symbol.name}"
        for symbol in elf.symbols
        if symbol.defined and symbol.name and not symbol.name.startswith(EXPORTED)
    ]


def _is_glibc(version: str) -> bool:
    return version.startswith("GLIBC_") and version[6:7].isdigit()


def _version(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removeprefix("GLIBC_").split(".") if part.isdigit())


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
