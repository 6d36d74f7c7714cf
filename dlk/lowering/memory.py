"""Where each buffer lies in the arena: buffers that are never needed at the same time share their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LINE = 64  # bytes: every buffer begins at a cache line


@dataclass(frozen=True, slots=True)
class Buffer:
    """A piece of memory that is needed from operation ``first`` to operation ``last``, both included."""

    name: str
    size: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Plan:
    """offsets: bytes from the begin of the arena, in the order of the buffers; size: of the arena.

    shared: buffers whose place something else uses at another time, so that it holds old values.
    """

    offsets: dict[str, int]
    size: int
    unshared_size: int
    shared: frozenset[str]


def plan(buffers: Sequence[Buffer]) -> Plan:
    """Place the largest buffer first, each at the lowest place that is free for all of its time.

    Greedy by size, after Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020.
    """
    placed: list[tuple[int, Buffer]] = []
    for buffer in sorted(buffers, key=lambda b: (-b.size, b.first, b.name)):
        rivals = sorted((o, b.size) for o, b in placed if b.first <= buffer.last and buffer.first <= b.last)
        offset = 0
        for rival_offset, rival_size in rivals:
            if offset + lines(buffer.size) <= rival_offset:
                break
            offset = max(offset, rival_offset + lines(rival_size))
        placed.append((offset, buffer))
    shared = {
        b.name for o, b in placed for p, c in placed if b is not c and o < p + lines(c.size) and p < o + lines(b.size)
    }
    offsets = {b.name: o for o, b in placed}
    return Plan(
        offsets={b.name: offsets[b.name] for b in buffers},
        size=max((o + lines(b.size) for o, b in placed), default=0),
        unshared_size=sum(lines(b.size) for b in buffers),
        shared=frozenset(shared),
    )


def round_up(value: int, multiple: int) -> int:
    """Return the least multiple that is not below ``value``."""
    return -(-value // multiple) * multiple


def lines(size: int) -> int:
    """Return a size in bytes, in whole cache lines."""
    return round_up(size, LINE)
