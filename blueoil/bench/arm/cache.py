"""A data cache of two levels, least recently used line out first, and what its misses cost a core.

Costs are published measurements, not ours:

* Cortex-A9 (7-cpu.com/cpu/Cortex-A9.html): 32 KB, 4 ways, lines of 32 bytes; a line that is in L2 comes 19 cycles
  later than one in L1, or every 7 cycles when several are on their way. The DE10-Nano's L2 is a PL310 of 512 KB with 8
  ways. The A9 has two line-fill buffers and executes every PLD (ARM DDI 0388I, 7.1 and 7.6).
* Cortex-A53 (Hennessy and Patterson, 6th edition, 2.6): 13 cycles for a line of 64 bytes in L2; 32 KB, 4 ways; L2
  512 KB, 16 ways. Lines on their way together: taken as one every 8 cycles, which nobody has published.

Memory behind L2: 110 ns at 800 MHz, or as much time on the A53 at 1.2 GHz.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from blueoil.bench.arm.accesses import LISTS

OWN = (1 << 24) + 4096 * 5  # bytes from one core's data to the next one's


@dataclass(frozen=True, slots=True)
class CacheShape:
    """Sizes in bytes; penalty: cycles that a lone L1 miss waits for L2; apart: cycles between two lines of many."""

    name: str
    line: int
    l1_bytes: int
    l1_ways: int
    l2_bytes: int
    l2_ways: int
    penalty: int
    apart: int
    memory: int


SHAPES: dict[str, CacheShape] = {
    "cortex-a9": CacheShape("Cortex-A9", 32, 32 << 10, 4, 512 << 10, 8, penalty=19, apart=7, memory=88),
    "cortex-a53": CacheShape("Cortex-A53", 64, 32 << 10, 4, 512 << 10, 16, penalty=13, apart=8, memory=132),
}


@dataclass(slots=True)
class Counts:
    """Line accesses and misses."""

    accesses: int = 0
    l1_misses: int = 0
    l2_misses: int = 0


class Level:
    """One set-associative cache: each set is a dict, whose first key is the line used longest ago."""

    def __init__(self, size: int, ways: int, line: int) -> None:
        self._ways = ways
        self._sets: list[dict[int, None]] = [{} for _ in range(size // (ways * line))]

    def hit(self, line: int) -> bool:
        """Use a line; tell whether it was there."""
        lines = self._sets[line % len(self._sets)]
        found = line in lines
        if found:
            del lines[line]
        elif len(lines) >= self._ways:
            del lines[next(iter(lines))]
        lines[line] = None
        return found


class Cores:
    """Cores with a first level each and one second level, of which the first is counted."""

    def __init__(self, shape: CacheShape, cores: int) -> None:
        self.shape = shape
        self._l1 = [Level(shape.l1_bytes, shape.l1_ways, shape.line) for _ in range(cores)]
        self._l2 = Level(shape.l2_bytes, shape.l2_ways, shape.line)

    def run(self, accesses: Iterable[tuple[int, int]]) -> Counts:
        """Count the lines that accesses of (address, bytes) touch; all cores go in step, each with data of its own."""
        counts = Counts()
        size = self.shape.line
        for address, length in accesses:
            for core, l1 in enumerate(self._l1):
                start = address if address >= LISTS else address + core * OWN
                for line in range(start // size, (start + length - 1) // size + 1):
                    hit = l1.hit(line)
                    hit_l2 = hit or self._l2.hit(line)
                    if core == 0:
                        counts.accesses += 1
                        counts.l1_misses += not hit
                        counts.l2_misses += not hit_l2
        return counts


def stalls(counts: Counts, shape: CacheShape) -> float:
    """Cycles lost when every miss is waited for, as an in-order core without prefetch does."""
    return counts.l1_misses * shape.penalty + counts.l2_misses * shape.memory


def stalls_with_prefetch(counts: Counts, shape: CacheShape, compute: float) -> float:
    """Cycles lost when lines are asked for early: only what the path from L2 needs beyond the time of computing."""
    return max(0.0, counts.l1_misses * shape.apart - compute) + counts.l2_misses * shape.memory
