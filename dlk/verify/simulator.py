"""The simulated accelerator for the programs of a target: built once, by the compiler of the libraries, and kept.

It always runs on this machine. A program that is emulated reaches it through a client of its own machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dlk.build.toolchain import cache_folder, zig
from dlk.errors import DlkError
from dlk.hw.sim import build as sim
from dlk.targets import TARGETS, Target
from dlk.verify.available import Built, is_native, missing_emulator

_CPUS = {"x86_64": "x86_64_v2"}  # with an instruction that counts bits, of which a simulation is full
_OWN_FLAGS = {"x86_64": ("-mpopcnt",)}


def _silent(words: str) -> None:
    """Tell nobody."""


def simulator(announce: Callable[[str], None] = _silent) -> Path:
    """Return the simulator's library for this machine; before it is built ``announce`` is told how long that takes.

    Raises DlkError where Verilator is missing, or something does not compile.
    """
    compiler = _compiler_here()
    if not sim.place(_folder(), compiler).is_file():
        announce(f"built once, in {'a minute' if _own_compiler() else 'three minutes; with g++ it would be one'}")
    return sim.build(_folder(), compiler)


def client(target: Target) -> Path:
    """Return the library by which a target's program on an emulated machine reaches the simulator."""
    return sim.build_client(_folder(), _compiler(target))


def with_simulator(built: Built, announce: Callable[[str], None] = _silent) -> Built:
    """Return the same with its simulator, or with the reason why there is none; nothing where none is needed."""
    if not built.target.accelerated or missing_emulator(built.target) is not None:
        return built
    if shutil.which("verilator") is None:
        return replace(built, not_simulated="verilator is not installed")
    try:
        way = None if is_native(built.target) else client(built.target)
        return replace(built, simulator=simulator(announce), client=way)
    except DlkError as error:
        return replace(built, not_simulated=f"{error.what}: {error.where or error.received}")


def _folder() -> Path:
    return cache_folder() / "simulator"


def _compiler_here() -> tuple[str, ...]:
    """Return the machine's own compiler; where there is none zig, which makes a C++ library first, in minutes."""
    here = next(target for target in TARGETS.values() if is_native(target))
    own = _own_compiler()
    return _compiler(here) if own is None else (own, *_OWN_FLAGS.get(here.cpu, ()))


def _own_compiler() -> str | None:
    return shutil.which("g++")


def _compiler(target: Target) -> tuple[str, ...]:
    return (str(zig()), "c++", "-target", target.triple, f"-mcpu={_CPUS.get(target.cpu, target.cpu)}")
