"""The counting loop of a kernel that can't be run here, found in the disassembly: AVX-512, which qemu lacks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from blueoil.bench.arm.mca import Core, loop_cycles
from blueoil.bench.arm.tools import Llvm

LONGEST = 400  # instructions of a loop
LEAST_LOADS = 8
AVX512 = Core("Zen 4, AVX-512", "x86", "avx512", 8, "znver4", "x86_64-linux-gnu")

_JUMP = re.compile(r"^j[a-z]+ (0x[0-9a-f]+)$")
_TAP = re.compile(r"\(%r(?!sp|bp|ip)\w+.*%zmm")


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop's instructions and how many planes one round loads."""

    instructions: tuple[str, ...]
    loads: int


def counting_loop(text: Mapping[int, str]) -> Loop | None:
    """Return the loop without branches that has the most vpternlog and loads planes from taps; none if none does."""
    order = sorted(text)
    index = {address: i for i, address in enumerate(order)}
    best: tuple[int, Loop] | None = None
    for last, address in enumerate(order):
        match = _JUMP.match(text[address])
        first = index.get(int(match[1], 16), last + 1) if match else last + 1
        if first > last or last - first > LONGEST:
            continue
        body = tuple(text[a] for a in order[first : last + 1])
        if any(line.startswith(("j", "call", "ret")) for line in body[:-1]):
            continue
        loads = sum(bool(_TAP.search(line)) for line in body)
        adds = sum(line.startswith("vpternlog") for line in body)
        if loads >= LEAST_LOADS and (best is None or adds > best[0]):
            best = adds, Loop(body, loads)
    return best[1] if best else None


def macs_per_cycle(loop: Loop, group_outputs: int, llvm: Llvm, core: Core = AVX512) -> float:
    """Return the loop's multiply-adds a cycle: an input of two planes counts for each output of its group."""
    pixels = 64 * core.lanes
    return loop.loads / 2 * group_outputs * pixels / loop_cycles(loop.instructions, core, llvm)
