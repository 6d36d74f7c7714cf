"""The memory accesses of one tile of the class tree, in the order of the kernels, for several ways to store its data.

Taps and sums are a core's own; the lists, from LISTS up, are the same for all cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PLANE = 16  # bytes of 128 pixels
TAP = 2 * PLANE
STACK = 1 << 22
SUMS = 1 << 23
LISTS = 1 << 28
Access = tuple[int, int]
Groups = tuple[tuple[NDArray[np.int64], ...], ...]


@dataclass(frozen=True, slots=True)
class Lists:
    """Class lists of a layer. inputs: K; groups: for each group and class the inputs, complemented as ~input."""

    inputs: int
    depth: int
    widths: tuple[int, ...]
    groups: Groups


def class_lists(weights: NDArray[np.int8], depth: int, widths: tuple[int, ...]) -> Lists:
    """Return the lists that the runtime makes of weights int8 [kh, kw, cin, cout], without a last, smaller group."""
    positive = weights.transpose(2, 0, 1, 3).reshape(-1, weights.shape[3]) > 0
    inputs, outputs = positive.shape
    groups = []
    for first in range(0, outputs - depth, depth + 1):
        reference = positive[:, first + depth]
        number = sum((positive[:, first + j] == reference).astype(np.int64) << j for j in range(depth))
        entry = np.where(reference, np.arange(inputs), ~np.arange(inputs))
        groups.append(tuple(entry[number == c] for c in range(1 << depth)))
    return Lists(inputs, depth, widths, tuple(groups))


@dataclass(frozen=True, slots=True)
class Layout:
    """How the kernel keeps its data.

    entry: bytes of a list entry; complements: inverted planes are stored beside the plain ones; block: inputs whose
    taps are written and counted together, for all groups, before the next block; 0 is all inputs at once.
    """

    entry: int
    complements: bool
    block: int = 0


def tile(lists: Lists, layout: Layout) -> Iterator[Access]:
    """Yield (address, bytes) of one tile: taps written; for each group entries, taps and sums; sums between blocks."""
    size = layout.block or lists.inputs
    at = LISTS
    for first in range(0, lists.inputs, size):
        inputs = min(size, lists.inputs - first)
        for i in range(inputs):
            yield i * TAP, TAP
            if layout.complements:
                yield (inputs + i) * TAP, TAP
        for number, group in enumerate(_part(lists.groups, first, size)):
            for classes, entries in enumerate(group):
                for entry in entries.tolist():
                    yield at, layout.entry
                    at += layout.entry
                    plain = (entry if entry >= 0 else ~entry) - first
                    yield (plain if entry >= 0 or not layout.complements else inputs + plain) * TAP, TAP
                yield from _sums(lists, classes)
            if layout.block:  # the roots wait in memory: read, add, write
                span = (lists.depth + 1) * lists.widths[-1] * PLANE
                yield SUMS + number * span, span
                yield SUMS + number * span, span


def _part(groups: Groups, first: int, size: int) -> Groups:
    """Return the lists with only the inputs first .. first + size - 1."""
    plain = [[np.where(entries < 0, ~entries, entries) for entries in group] for group in groups]
    return tuple(
        tuple(e[(p >= first) & (p < first + size)] for e, p in zip(*pair, strict=True))
        for pair in zip(groups, plain, strict=True)
    )


def _sums(lists: Lists, number: int) -> Iterator[Access]:
    """Yield the accesses to sums after class ``number``: its count, and each subtree that it completes."""
    slot = lists.widths[-1] * PLANE
    yield STACK + number % 2 * slot, lists.widths[0] * PLANE
    for level in range(1, lists.depth + 1):
        if (number + 1) % (1 << level):
            return
        for j in range(level):
            for half in (0, 1):
                where = STACK + ((level * (lists.depth + 1) + j) * 2 + half) * slot
                yield where, lists.widths[level - 1] * PLANE
