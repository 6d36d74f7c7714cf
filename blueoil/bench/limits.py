"""How close an engine is to what the core could do: the limit of a method is its arithmetic alone.

The limit is the time in which the arithmetic that the method cannot do without would run in registers, with every unit
busy, on this core at this clock: int8 multiply-adds at the core's measured rate, or the full adders of our class trees
at the measured rate of logic operations. Loads, stores, moves between layers, quantization and branches are free in it,
so no engine reaches it; what is missing to 100 % is the cost of all that. int8 without VNNI could be told to save some
of its widening adds where the values are known to be small; such tricks are not in the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from blueoil.bench.peaks import Peaks

if TYPE_CHECKING:
    from dlk.lowering.program import Program

WORD = 64  # pixels of a lane
OPERATIONS = {"avx512": 2}  # of a full adder: two vpternlog
OPERATIONS_ELSEWHERE = 5  # two xor for the sum; and, and, or for the carry


def limit_ms(kind: str, macs: int, peaks: Peaks, tile_adders: Mapping[str, float]) -> float | None:
    """Return the least CPU time of an engine's method, milliseconds; none where it is not known.

    kind: "int8", "float32" or one of our instruction sets; tile_adders: full adders of one image for each of ours.
    """
    if kind == "int8":
        return None if peaks.best_int8 is None else macs / peaks.best_int8 / peaks.ghz / 1e6
    if kind not in tile_adders or kind not in peaks.logic:
        return None
    operations = tile_adders[kind] * OPERATIONS.get(kind, OPERATIONS_ELSEWHERE)
    return operations / peaks.logic[kind] / peaks.ghz / 1e6


def image_adders(program: Program, lanes: int) -> float:
    """Count the full adders of all quantized convolutions of one image, on vectors of ``lanes`` words."""
    from dlk.codegen.parameters import parameters
    from dlk.lowering.class_lists import class_sizes, sign_bits
    from dlk.lowering.program import QuantConv

    found = parameters(program, lanes)
    trees = {step.name: step.tree for step in found.steps}
    total = 0.0
    for step in program.steps:
        if not isinstance(step, QuantConv):
            continue
        tree, layout = trees[step.name], found.arena.layouts[step.input]
        assert tree is not None  # noqa: S101 - every quantized convolution has one
        tiles = -(-layout.height * layout.stride // (WORD * lanes))
        total += tiles * tree_adders(class_sizes(sign_bits(step.weights), tree.depth), layout.bits, tree.widths)
    return total


def tree_adders(sizes: np.ndarray, bits: int, widths: tuple[int, ...]) -> float:
    """Count the full adders of one tile. sizes: int [groups, 2^depth] inputs of a class; widths: planes of a level.

    A full adder turns three bits into two, so adding n numbers of ``bits`` bits takes n * bits full adders less one for
    each bit of the sum. Adding two sums takes one for each plane but the lowest, where a half adder does.
    """
    largest = sizes * ((1 << bits) - 1)
    sum_bits = np.ceil(np.log2(largest + 1))
    leaves = np.maximum(sizes * bits - sum_bits, 0).sum()
    groups, depth = len(sizes), len(widths) - 1
    merges = 0
    for level in range(1, depth + 1):
        planes = (level - 1) * (widths[level - 1] - 1) + widths[level] - 1
        merges += (groups << (depth - level)) * planes
    return float(leaves + merges)
