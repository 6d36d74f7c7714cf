"""Choose the class tree of a quantized convolution: how many outputs share a tree, and how wide its sums are.

A group of D + 1 output channels counts each of its K inputs once. The last output is the reference; an input's class
has bit j set when output j has the reference's sign for it. The 2^D classes are counted from lists and added up a
binary tree. The runtime (dlk/runtime/src/class_lists.cpp) builds the same lists from the packed weights and checks
them against the widths and the length found here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

MAX_DEPTH = 8
SPARE_PLANES = 2  # of a tree, all levels together, that are not worth code of its own
LIST_STEP = 2  # a list is padded to a multiple of two inputs, and holds at least two
MAX_INPUTS = 0xFFFF // 2  # of one output: the runtime numbers inputs and their complements in 16 bits
_HASH = 2654435761
_ROUND = 8  # inputs that most instruction sets add in one round
_COMPARE_OPERATIONS = 2.0  # a plane of one comparison, with the load of its constant
_MEMORY_OPERATIONS = 1.5  # a plane of a sum that is added from memory to memory


@dataclass(frozen=True, slots=True)
class TreeShape:
    """What the runtime's ClassTree is instantiated with.

    signs: outputs of the tree for one channel, 1 for binary and 2 for ternary weights; depth: D, a group is D + 1
    outputs; widths: planes of every sum of 2^level classes, D + 1 values; entries: the length of the class lists of all
    groups together, padding included.
    """

    signs: int
    depth: int
    widths: tuple[int, ...]
    entries: int


def pack_signs(weights: NDArray[np.int8]) -> NDArray[np.uint64]:
    """Return the weights as bits, uint64 [cout * signs, ceil(K / 64)]; bit i is set where input i has +1.

    weights: int8 [kh, kw, cin, cout], values -1 and +1, or -1, 0 and +1. Input i = (channel * kh + ky) * kw + kx.
    """
    positive = sign_bits(weights)
    inputs, outputs = positive.shape
    padded = np.zeros((outputs, -(-inputs // 64) * 64), np.uint8)
    padded[:, :inputs] = positive.T
    return np.packbits(padded, axis=1, bitorder="little").view("<u8")


def signs_per_channel(weights: NDArray[np.int8]) -> int:
    """Return 1 for binary weights, 2 for ternary ones."""
    return 2 if (weights == 0).any() else 1


def sign_bits(weights: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return the outputs of the tree, uint8 [K, cout * signs], 1 for +1, in the runtime's order of inputs.

    A ternary weight is half the sum of two signs, u and v: both its own, or opposite ones where it is 0. Which of the
    two is positive there is pseudo-random, so that the classes stay alike in size.
    """
    rows = weights.transpose(2, 0, 1, 3).reshape(-1, weights.shape[3])
    if signs_per_channel(weights) == 1:
        return (rows > 0).astype(np.uint8)
    number = np.arange(len(rows), dtype=np.uint64)[:, None]
    channel = np.arange(rows.shape[1], dtype=np.uint64)[None, :]
    coin = ((number * np.uint64(_HASH)) & np.uint64(0xFFFFFFFF)) >> (
        np.uint64(9) + channel % np.uint64(16)
    ) & np.uint64(1)
    u = np.where(rows == 0, coin, rows > 0)
    v = np.where(rows == 0, 1 - coin, rows > 0)
    return np.stack([u, v], axis=2).reshape(len(rows), -1).astype(np.uint8)


def class_sizes(positive: NDArray[np.uint8], depth: int) -> NDArray[np.int64]:
    """Count the inputs of each class: int64 [groups, 2^depth]. positive: the result of ``sign_bits``."""
    inputs, outputs = positive.shape
    group_outputs = depth + 1
    groups = -(-outputs // group_outputs)
    number = np.arange(inputs, dtype=np.uint64)
    filler = (number * np.uint64(_HASH)) & np.uint64(0xFFFFFFFF)
    columns = [positive[:, i] for i in range(outputs)]
    # Outputs missing in the last group get pseudo-random signs: equal ones would fill a single class.
    columns += [
        (filler >> np.uint64(9 + i % group_outputs)) & np.uint64(1) for i in range(outputs, groups * group_outputs)
    ]
    sizes = np.empty((groups, 1 << depth), np.int64)
    for group in range(groups):
        signs = columns[group * group_outputs : (group + 1) * group_outputs]
        numbers = np.zeros(inputs, np.int64)
        for j in range(depth):
            numbers |= (signs[j] == signs[depth]).astype(np.int64) << j
        sizes[group] = np.bincount(numbers, minlength=1 << depth)
    return sizes


def choose_tree(weights: NDArray[np.int8], bits: int, levels_out: int) -> TreeShape:
    """Return the tree with the least work per pixel.

    weights: int8 [kh, kw, cin, cout]; bits: of an input code; levels_out: thresholds of an output, 0 for floats.
    """
    signs = signs_per_channel(weights)
    positive = sign_bits(weights)
    candidates = []
    for depth in range(signs - 1, MAX_DEPTH, signs):  # the signs of a channel stay in one group
        sizes = class_sizes(positive, depth)
        shape = tree_shape(sizes, bits, signs)
        candidates.append((work(sizes, bits, levels_out, shape), depth, shape))
    return min(candidates)[2]


def share_widths(shapes: Sequence[TreeShape]) -> list[TreeShape]:
    """Give trees of one depth that differ by a few planes the same widths, so that one piece of code serves them."""
    shared: list[list[TreeShape]] = []
    for shape in sorted(shapes, key=lambda shape: sum(shape.widths), reverse=True):
        for group in shared:
            if (group[0].signs, group[0].depth) != (shape.signs, shape.depth):
                continue
            together = [*group, shape]
            if sum(_widest(together)) - min(sum(other.widths) for other in together) <= SPARE_PLANES:
                group.append(shape)
                break
        else:
            shared.append([shape])
    widest = {shape: _widest(group) for group in shared for shape in group}
    return [replace(shape, widths=widest[shape]) for shape in shapes]


def _widest(shapes: Sequence[TreeShape]) -> tuple[int, ...]:
    return tuple(max(widths) for widths in zip(*(shape.widths for shape in shapes), strict=True))


def tree_shape(sizes: NDArray[np.int64], bits: int, signs: int = 1) -> TreeShape:
    """Return the tree for classes of these sizes and for inputs of ``bits`` bits."""
    levels = (1 << bits) - 1
    widths = tuple(max(int(peak * levels).bit_length(), bits + 2) for peak in _largest_sums(sizes))
    return TreeShape(signs=signs, depth=len(widths) - 1, widths=widths, entries=int(_padded(sizes).sum()))


def work(sizes: NDArray[np.int64], bits: int, levels_out: int, shape: TreeShape) -> float:
    """Estimate the operations on planes for all outputs of one tile: counting, merging, comparing."""
    total = _counting(sizes, bits, shape.widths[0]) + _merging(len(sizes), shape) * _MEMORY_OPERATIONS
    outputs = len(sizes) * (shape.depth + 1)
    return total + outputs * (shape.widths[-1] + 1) * (1 + _COMPARE_OPERATIONS * max(levels_out, 1))


def bit_adds(weights: NDArray[np.int8], bits: int, shape: TreeShape) -> int:
    """Count the full and half adders that all outputs of one pixel need: counting, merging, and 2 M - T at the end."""
    sizes = class_sizes(sign_bits(weights), shape.depth)
    outputs = len(sizes) * (shape.depth + 1)
    return _counting(sizes, bits, shape.widths[0]) + _merging(len(sizes), shape) + outputs * shape.widths[-1]


def _merging(groups: int, shape: TreeShape) -> int:
    """Count the adders of all sums of two subtrees."""
    widths = shape.widths
    return sum(
        (groups << (shape.depth - level)) * ((level - 1) * widths[level - 1] + widths[level])
        for level in range(1, shape.depth + 1)
    )


def _counting(sizes: NDArray[np.int64], bits: int, width: int) -> int:
    """Count the adders that count the inputs of every class."""
    steps = _padded(sizes) // LIST_STEP
    round_steps = _ROUND // LIST_STEP
    first = np.array([_adders(LIST_STEP * (i + 1), bits, width, True) for i in range(round_steps)])
    rounds = (steps - 1) // round_steps
    return int((first[(steps - 1) % round_steps] + rounds * _adders(_ROUND, bits, width, False)).sum())


def _padded(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the lengths of the lists."""
    return np.maximum(-(-sizes // LIST_STEP), 1) * LIST_STEP


def _largest_sums(sizes: NDArray[np.int64]) -> list[int]:
    """Return the most inputs in any sum of 2^level classes, level 0 .. D: totals, and the marked sums one level up."""
    groups, classes = sizes.shape
    depth = classes.bit_length() - 1
    peaks = []
    for level in range(depth + 1):
        peak = sizes.reshape(groups, -1, 1 << level).sum(axis=2).max()
        if level < depth:
            pairs = sizes.reshape(groups, -1, 2 << level)
            for j in range(level + 1):
                marked = np.arange(2 << level) >> j & 1 == 1
                peak = max(peak, pairs[:, :, marked].sum(axis=2).max())
        peaks.append(int(peak))
    return peaks


@cache
def _adders(inputs: int, bits: int, width: int, empty: bool) -> int:
    """Count full and half adders for adding ``inputs`` numbers to a counter, as kernels/counter.h adds them."""
    filled = [not empty] * width
    waiting = [False] * width
    adders = 0

    def put(column: int) -> None:
        nonlocal adders
        if column >= width:
            return
        if not filled[column]:
            filled[column] = True
        elif column == width - 1:
            adders += 1
        elif not waiting[column]:
            waiting[column] = True
        else:
            waiting[column] = False
            adders += 1
            put(column + 1)

    for item in range(inputs * bits):
        put(item % bits)
    for column in range(width):
        if waiting[column]:
            waiting[column] = False
            adders += 1
            put(column + 1)
    return adders
