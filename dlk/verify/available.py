"""Which executors this machine can run, and which it cannot, by name and with the reason."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlk.errors import DlkError
from dlk.targets import Target
from dlk.verify.executors import Executor, IsaMissingError, LibraryExecutor, ProgramExecutor
from dlk.verify.served import ServedExecutor

TIMEOUT = 3600.0  # seconds of one image in an emulator, on a machine that is busy
THREADS = 2  # of the executor that shows that threads change nothing; more than one is what matters
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64", "armv7l": "arm"}


@dataclass(frozen=True, slots=True)
class Built:
    """One built target: its library and its trace driver.

    simulator: of the accelerator, where the target has one, for this machine; not_simulated: why it is not to be had.
    client: how a program on an emulated machine reaches it; None where it needs none.
    """

    target: Target
    library: Path
    program: Path
    simulator: Path | None = None
    client: Path | None = None
    not_simulated: str = ""


@dataclass(frozen=True, slots=True)
class NotRun:
    """An executor that was not run, and why."""

    executor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An executor that can be run here; ``emulated`` ones, simulated ones too, are slow."""

    executor: Executor
    emulated: bool


def this_machine() -> str:
    """Return this machine's name as it stands first in a target's triple."""
    name = platform.machine().lower()
    return MACHINES.get(name, name)


def is_native(target: Target) -> bool:
    """Return whether this machine runs the target without an emulator."""
    return target.triple.split("-")[0] == this_machine()


def find_executors(built: Sequence[Built]) -> tuple[list[Candidate], list[NotRun]]:
    """Return an executor for each instruction set of each library, and those that cannot run here.

    A library that needs neither emulator nor simulator runs once more, on several threads and the best instruction set
    of this machine.
    """
    candidates: list[Candidate] = []
    missing: list[NotRun] = []
    for item in built:
        best = None
        for isa in item.target.isas:
            name = f"{item.target.name} {isa.name}"
            reason = _reason_not_to_run(item, isa.name, name)
            if reason is not None:
                missing.append(NotRun(name, reason))
                continue
            candidates.append(_candidate(item, isa.name, name))
            best = isa.name
        if best is not None and is_native(item.target) and not item.target.accelerated:
            name = f"{item.target.name} {best}, {THREADS} threads"
            threaded = ProgramExecutor(item.library, item.program, name=name, isa=best, threads=THREADS)
            candidates.append(Candidate(threaded, emulated=False))
    return candidates, missing


def _candidate(item: Built, isa: str, name: str) -> Candidate:
    emulator = () if is_native(item.target) else item.target.emulator
    simulated = {"DLK_FPGA": "sim", "DLK_FPGA_SIM": str(item.client or item.simulator)} if item.simulator else {}

    def make(served: Mapping[str, str]) -> ProgramExecutor:
        variables = {**simulated, **served}
        return ProgramExecutor(
            item.library, item.program, name=name, isa=isa, emulator=emulator, variables=variables, timeout=TIMEOUT
        )

    executor = ServedExecutor(name, make, item.simulator) if item.simulator and item.client else make({})
    return Candidate(executor, emulated=bool(emulator or simulated))


def _reason_not_to_run(item: Built, isa: str, name: str) -> str | None:
    reason = missing_emulator(item.target)
    if reason is not None:
        return reason
    if item.target.accelerated:
        return None if item.simulator is not None else item.not_simulated
    return _missing_isa(item.library, isa, name) if is_native(item.target) else None


def missing_emulator(target: Target) -> str | None:
    """Return why programs of a target cannot run here, or None where they can."""
    if is_native(target):
        return None
    if not target.emulator:
        return f"this machine is {this_machine()}"
    if shutil.which(target.emulator[0]) is None:
        return f"{target.emulator[0]} is not installed"
    if "-L" in target.emulator:
        root = target.emulator[target.emulator.index("-L") + 1]
        if not Path(root).is_dir():
            return f"no C library for {target.name} in {root}"
    return None


def _missing_isa(library: Path, isa: str, name: str) -> str | None:
    """Ask the library itself. One that fails in another way is taken as able: running it will tell what is wrong."""
    try:
        LibraryExecutor(library, name=name, isa=isa).close()
    except IsaMissingError:
        return "this machine lacks the instruction set"
    except DlkError:
        return None
    return None
