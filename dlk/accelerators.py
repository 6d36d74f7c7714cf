"""What conversion does for targets with an accelerator: leave them out, build their twins, find their simulator."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from dlk.hw.limits import MisfitError
from dlk.lowering.offload import offload
from dlk.lowering.program import Program
from dlk.targets import TWINS, Target
from dlk.verify.available import Built, is_native
from dlk.verify.simulator import with_simulator


def misfitting(program: Program, targets: Sequence[Target], optional: Collection[str]) -> dict[str, MisfitError]:
    """Return the optional targets that the program does not fit, by name; raise MisfitError for one that must fit."""
    found = {}
    for target in targets:
        try:
            if target.accelerated:
                offload(program)
        except MisfitError as error:
            if target.name not in optional:
                raise
            found[target.name] = error
    return found


def twins(targets: Sequence[Target]) -> list[Target]:
    """Return what is built beside targets for the proof alone, where this machine can run it."""
    return [TWINS[target.name] for target in targets if target.name in TWINS and is_native(TWINS[target.name])]


def simulated(built: Built, report: Callable[[str, str, float], None]) -> Built:
    """Get the simulated accelerator where one is needed, and report it."""
    started = time.perf_counter()
    found = with_simulator(built, lambda words: report("simulator", f"for {built.target.name}: {words}", 0.0))
    if found != built:
        words = found.not_simulated or f"for {built.target.name}, {found.simulator}"
        report("simulator", words, time.perf_counter() - started)
    return found
