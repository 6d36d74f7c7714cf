"""The simulated accelerator for the programs of a target: built once, by the compiler of the libraries, and kept."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from dlk.build.toolchain import cache_folder, zig
from dlk.errors import DlkError
from dlk.hw.sim.build import build
from dlk.targets import Target
from dlk.verify.available import Built, missing_emulator


def simulator(target: Target) -> Path:
    """Return the simulator's library for a target's machine; building it takes a minute or two.

    Raises DlkError where Verilator is missing, or something does not compile.
    """
    compiler = (str(zig()), "c++", "-target", target.triple, f"-mcpu={target.cpu}")
    return build(cache_folder() / "simulator", compiler=compiler)


def with_simulator(built: Built) -> Built:
    """Return the same with its simulator, or with the reason why there is none; nothing where none is needed."""
    if not built.target.accelerated or missing_emulator(built.target) is not None:
        return built
    if shutil.which("verilator") is None:
        return replace(built, not_simulated="verilator is not installed")
    try:
        return replace(built, simulator=simulator(built.target))
    except DlkError as error:
        return replace(built, not_simulated=f"{error.what}: {error.where}")
