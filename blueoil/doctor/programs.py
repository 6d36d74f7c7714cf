"""Programs on the PATH, and those that the packages brought: whether they are there, run, and are new enough."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from packaging.version import Version

from blueoil.doctor.check import Finding, Probe, State
from blueoil.errors import BlueoilError
from dlk.errors import DlkError

SECONDS = 60.0
"""Until a program that tells its version is given up; Quartus takes some on a slow disk."""
_VERSION = re.compile(r"\d+(?:\.\d+)+")


def ask(command: Sequence[str], seconds: float = SECONDS) -> str:
    """Return what a program prints. Raises OSError, or SubprocessError when it fails or takes longer."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=seconds, check=True
    )
    return done.stdout or done.stderr


def program(name: str, *, asked: str = "--version", oldest: str = "") -> Probe:
    """Return the probe of a program on the PATH: ``asked`` makes it tell its version, which is ``oldest`` or later."""

    def probe() -> Finding:
        path = shutil.which(name)
        return Finding(State.MISSING, f"no {name} on the PATH") if path is None else _judge(Path(path), asked, oldest)

    return probe


def _judge(path: Path, asked: str, oldest: str = "") -> Finding:
    try:
        text = ask([str(path), asked])
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(State.UNUSABLE, f"{path} does not run: {error}")
    found = _VERSION.search(text)
    words = f"{path.name} {found[0] if found else '(tells no version)'}"
    if oldest and (found is None or Version(found[0]) < Version(oldest)):
        return Finding(State.TOO_OLD, f"{words} (>={oldest})")
    return Finding(State.OK, f"{words} (>={oldest})" if oldest else words)


def compiler() -> Finding:
    """Find the compiler of all libraries, in the ziglang wheel."""
    from dlk.build.toolchain import zig

    try:
        return _judge(zig(), "version")
    except DlkError as error:
        return Finding(State.MISSING, error.what)


def build_tools() -> Finding:
    """Find the CMake and the Ninja of the wheels."""
    from dlk.build.cmake import tools

    try:
        findings = [_judge(path, "--version") for path in tools()]
    except DlkError as error:
        return Finding(State.MISSING, error.what)
    faults = [finding for finding in findings if finding.state is not State.OK]
    return faults[0] if faults else Finding(State.OK, ", ".join(finding.found for finding in findings))


def emulator(target: str) -> Probe:
    """Return the probe of what runs a target's programs here: its emulator, and the C library that this reads."""

    def probe() -> Finding:
        from dlk.targets import TARGETS
        from dlk.verify.available import is_native, missing_emulator

        row = TARGETS[target]
        reason = missing_emulator(row)
        if reason is not None:
            return Finding(State.MISSING, reason)
        return Finding(State.OK, "this machine itself") if is_native(row) else program(row.emulator[0])()

    return probe


def verilator() -> Finding:
    """Find Verilator."""
    from dlk.hw.sim.build import OLDEST_VERILATOR

    return program("verilator", oldest=OLDEST_VERILATOR)()


def yosys() -> Finding:
    """Find yosys."""
    from dlk.hw.synth.report import OLDEST_YOSYS

    return program("yosys", asked="-V", oldest=OLDEST_YOSYS)()


def llvm() -> Finding:
    """Find the pipeline model of LLVM with its companions, of one version."""
    from blueoil.bench.arm.tools import OLDEST_LLVM, find_llvm

    try:
        return Finding(State.OK, f"llvm-mca {find_llvm().version} (>={OLDEST_LLVM})")
    except BlueoilError as error:
        old = next(filter(None, map(shutil.which, ("llvm-mca", f"llvm-mca-{OLDEST_LLVM - 1}"))), None)
        return Finding(State.TOO_OLD if old else State.MISSING, f"wanted: {error.expected}")


def boot_tools() -> Finding:
    """Find the Debian packages that ``make boot`` builds with."""
    from dlk.hw.board.de10_nano.boot.tools import missing_packages

    try:
        missing = missing_packages()
    except DlkError as error:
        return Finding(State.MISSING, f"{error.received}: {error.what}", error.fix or "")
    if missing:
        return Finding(State.MISSING, f"not installed: {', '.join(missing)}", f"apt install {' '.join(missing)}")
    return Finding(State.OK, "all Debian packages")
