"""Cycles of recorded instructions by llvm-mca: straight through, once, as they ran.

The model takes each load from the first cache, each branch as foreseen and each address as unlike any other. Calls and
returns are branches to it. A trace is sampled: windows of it are simulated and stand for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from blueoil.bench.arm.tools import Llvm
from blueoil.bench.run import run

WINDOWS = 4
WINDOW = 4000  # instructions; long against the time in which a core empties its queues


@dataclass(frozen=True, slots=True)
class Core:
    """One modelled core and the library's code for it.

    target, isa, lanes: as in dlk.targets; cpu, triple, attributes: for llvm-mca; least, goal: MAC per cycle wanted at
    K = 2304.
    """

    name: str
    target: str
    isa: str
    lanes: int
    cpu: str
    triple: str
    attributes: str = ""
    least: float | None = None
    goal: float | None = None


CORES: tuple[Core, ...] = (
    Core("Cortex-A9", "arm", "neon", 2, "cortex-a9", "armv7-linux-gnueabihf", "+neon", least=40, goal=45),
    Core("Cortex-A53", "aarch64", "neon_in_order", 2, "cortex-a53", "aarch64-linux-gnu", least=32, goal=40),
    Core("Cortex-A72", "aarch64", "neon", 2, "cortex-a72", "aarch64-linux-gnu", least=100, goal=120),
    Core("Neoverse N1", "aarch64", "neon", 2, "neoverse-n1", "aarch64-linux-gnu"),
)
X86_CORES: tuple[Core, ...] = (
    Core("Zen 3, AVX2", "x86", "avx2", 4, "znver3", "x86_64-linux-gnu"),
    Core("Zen 4, AVX2", "x86", "avx2", 4, "znver4", "x86_64-linux-gnu"),
)

_BRANCH = re.compile(r"^(b|bl|blx|b[a-z]{2}|b\.[a-z]{2}|bl[a-z]{2}) (0x[0-9a-f]+)$")
_CALL = re.compile(r"^callq? .*$")
_TEST = re.compile(r"^([ct]bn?z .*), 0x[0-9a-f]+$")
_MANY = re.compile(r"^(v?ldm|v?stm|v?push|v?pop)(?:ib|ia|da|db)?(?:\.w)? (?:(\w+)!?, )?\{(.*)\}$")
_LOADS = ("ldm", "pop", "vldm", "vpop")


def cycles(instructions: Sequence[str], core: Core, llvm: Llvm) -> float:
    """Estimate the cycles of a trace of instructions as llvm-objdump prints them."""
    total = len(instructions)
    if total <= WINDOWS * WINDOW:
        return _simulate(instructions, core, llvm)
    step = (total - WINDOW) / (WINDOWS - 1)
    sample = [instructions[round(i * step) : round(i * step) + WINDOW] for i in range(WINDOWS)]
    return sum(_simulate(window, core, llvm) for window in sample) * total / (WINDOWS * WINDOW)


def loop_cycles(instructions: Sequence[str], core: Core, llvm: Llvm, rounds: int = 100) -> float:
    """Estimate the cycles of one round of a loop that goes on."""
    return _simulate(instructions, core, llvm, rounds) / rounds


def _simulate(instructions: Sequence[str], core: Core, llvm: Llvm, rounds: int = 1) -> float:
    if not instructions:
        return 0.0
    lines = [line for instruction in instructions for line in plain(instruction)]
    command = [
        llvm.mca, f"-mtriple={core.triple}", f"-mcpu={core.cpu}", f"-iterations={rounds}", "-instruction-info=0",
        "-resource-pressure=0", *([f"-mattr={core.attributes}"] if core.attributes else []),
    ]  # fmt: skip
    told = run(command, given="\n".join(lines) + "\n")
    found = re.search(r"^Total Cycles:\s+(\d+)", told, re.MULTILINE)
    if found is None:
        raise ValueError(f"llvm-mca told no cycles: {told[:200]}")
    return float(found[1])


def plain(instruction: str) -> list[str]:
    """Return an instruction in a form that llvm-mca models: branches without targets, LDM and STM as single moves."""
    if match := _BRANCH.match(instruction):
        name = "b" if match[1] in ("bl", "blx") else match[1]
        return [f"{name} #4"]
    if _CALL.match(instruction):
        return ["jmp 4"]
    if match := _TEST.match(instruction):
        return [f"{match[1]}, #4"]
    if match := _MANY.match(instruction):
        name, base, registers = match[1], match[2] or "sp", re.split(r",\s*", match[3])
        vector = "v" if name.startswith("v") else ""
        move, size = vector + ("ldr" if name in _LOADS else "str"), 8 if vector else 4
        moves = [f"{move} {r}, [{base}, #{size * i}]" for i, r in enumerate(registers) if r != "pc"]
        return [*moves, "b #4"] if "pc" in registers else moves
    return [instruction]
