"""Thresholds that equal the float64 chain on every sum: by evaluation for integers, by bisection for float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlk.errors import InternalError
from dlk.ir.semantics import Chain

_LARGEST = 0x7F7FFFFF  # the largest float32, as an ordered integer
_NORMAL = 0x00800000  # the smallest normal float32
_EVALUATIONS = 1 << 22  # evaluate at most this many sums at once, to bound memory

Directions = NDArray[np.int8]


def integer_thresholds(chain: Chain, reach: int) -> tuple[NDArray[np.int32], Directions]:
    """Return values int32 [C, n] and directions int8 [C] for sums in [-reach, reach].

    A level that every sum reaches, or none, has its threshold one past the range. A constant channel rises.
    """
    sums = np.arange(-reach, reach + 1, dtype=np.int64)
    levels = np.arange(1, chain.output.levels + 1)
    values = np.empty((chain.channels, chain.output.levels), dtype=np.int32)
    directions = np.ones(chain.channels, dtype=np.int8)
    step = max(1, _EVALUATIONS // len(sums))
    for start in range(0, chain.channels, step):
        codes = chain.of_channels(slice(start, start + step)).codes(sums[:, None])
        for channel, column in enumerate(codes.T, start):
            rising = column[-1] >= column[0]
            ordered = column if rising else column[::-1]
            if np.any(ordered[1:] < ordered[:-1]):
                raise InternalError(f"the codes of channel {channel} are not monotone in the sum")
            first = np.searchsorted(ordered, levels)
            values[channel] = np.where(first == 0, -reach - 1, first - reach)
            if not rising:
                values[channel] *= -1
                directions[channel] = -1
    return values, directions


def float_thresholds(chain: Chain) -> tuple[NDArray[np.float32], Directions]:
    """Return values float32 [C, n] and directions int8 [C], exact for every finite float32 sum.

    Float32 numbers are bisected in their own order, as integers. A subnormal sum counts as 0, so that machines which
    flush subnormals agree, and no threshold is subnormal. Always and never are infinite.
    """
    ends = chain.codes(_floats(np.array([[-_LARGEST], [_LARGEST]])))
    directions = np.where(ends[1] >= ends[0], 1, -1).astype(np.int8)
    levels = np.arange(1, chain.output.levels + 1)[:, None]

    def reached(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        return chain.codes(_floats(keys) * directions) >= levels

    shape = (chain.output.levels, chain.channels)
    below, above = np.full(shape, -_LARGEST), np.full(shape, _LARGEST)
    always, never = reached(below), ~reached(above)
    while np.any(above - below > 1):
        middle = (below + above) // 2
        hit = reached(middle)
        above, below = np.where(hit, middle, above), np.where(hit, below, middle)
    values = np.where(always, -np.inf, np.where(never, np.inf, _floats(above))) * directions
    return np.ascontiguousarray(values.T.astype(np.float32)) + np.float32(0), directions


def _floats(keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the float32 numbers of ordered integers: 0 is 0, neighbours are neighbours; subnormal ones are 0."""
    magnitude = np.where(np.abs(keys) < _NORMAL, 0, np.abs(keys)).astype(np.uint32).view(np.float32)
    return np.where(keys < 0, -magnitude, magnitude).astype(np.float32)
