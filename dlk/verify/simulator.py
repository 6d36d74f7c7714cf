"""The simulated accelerator for the programs of a target: built once, by the compiler of the libraries, and kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dlk.build.toolchain import cache_folder, zig
from dlk.errors import DlkError
from dlk.hw.sim import build as sim
from dlk.targets import Target
from dlk.verify.available import Built, missing_emulator

_CPUS = {"x86_64": "x86_64_v2"}  # with an instruction that counts bits, of which a simulation is full


def simulator(target: Target, announce: Callable[[], None] = lambda: None) -> Path:
    """Return the simulator's library for a target's machine; ``announce`` is called before it is built.

    Raises DlkError where Verilator is missing, or something does not compile.
    """
    folder = cache_folder() / "simulator"
    compiler = (str(zig()), "c++", "-target", target.triple, f"-mcpu={_CPUS.get(target.cpu, target.cpu)}")
    if not sim.place(folder, compiler).is_file():
        announce()
    return sim.build(folder, compiler)


def with_simulator(built: Built, announce: Callable[[], None] = lambda: None) -> Built:
    """Return the same with its simulator, or with the reason why there is none; nothing where none is needed."""
    if not built.target.accelerated or missing_emulator(built.target) is not None:
        return built
    if shutil.which("verilator") is None:
        return replace(built, not_simulated="verilator is not installed")
    try:
        return replace(built, simulator=simulator(built.target, announce))
    except DlkError as error:
        return replace(built, not_simulated=f"{error.what}: {error.where or error.received}")
