"""Binary kernels as bits and scales, and kernels from these that a quantizer turns into the same numbers.

A kernel is split into groups that have one scale each: one for each output channel, or one in all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lmnet.quantizers import BinaryQuantizer

Floats = NDArray[np.float32]
_DIGITS = 24  # of a float32


def pack_kernel(kernel: Floats, quantizer: BinaryQuantizer) -> tuple[NDArray[np.uint8], Floats]:
    """Return what a quantizer makes of a kernel: signs uint8 (bits in C order, 1 for +1), scales float32 [groups]."""
    binary = np.asarray(quantizer(kernel))
    return np.packbits(kernel >= 0), np.abs(binary.reshape(-1, _groups(kernel.shape, quantizer))[0])


def unpack_kernel(signs: NDArray[np.uint8], scales: Floats, shape: Sequence[int], quantizer: BinaryQuantizer) -> Floats:
    """Return a kernel float32 of a shape [kh, kw, in, out] that the quantizer turns into these signs and scales.

    Raises:
        ValueError: the arrays do not belong to such a kernel.
    """
    groups, size = _groups(shape, quantizer), int(np.prod(shape))
    if signs.shape != (-(-size // 8),) or scales.shape != (groups,) or scales.dtype != np.float32 or scales.min() < 0:
        raise ValueError(f"it is {list(shape)} with {signs.size} bytes of signs and {scales.size} scales")
    positive = np.unpackbits(signs, count=size).reshape(-1, groups)
    sizes = magnitudes(scales, size // groups)
    return np.where(positive, sizes, -sizes).reshape(shape)


def magnitudes(means: Floats, count: int) -> Floats:
    """Return nearly equal magnitudes, ``count`` in each of G groups, whose float32 mean is that of the group.

    The mean of equal floats is often another float, for partial sums are rounded, and in another order to another
    float. Here all are multiples of one power of two, and their sum has 24 digits: no partial sum is rounded.

    Args:
        means: float32 [G], 0 or more; each the quotient of a float32 and ``count``, as a mean is.
        count: 1 to 2^23.

    Returns:
        float32 [count, G], none of which is 0 where the mean is not.
    """
    mantissa, exponent = np.frexp(_sums(means, count).astype(np.float64))
    each, rest = np.divmod(np.ldexp(mantissa, _DIGITS).astype(np.int64), count)
    units = each + (np.arange(count)[:, None] < rest)
    return np.ldexp(units.astype(np.float32), exponent - _DIGITS)


def _sums(means: Floats, count: int) -> Floats:
    """Return the float32 sums of which ``means`` are the quotients; the nearest ones where there are none."""
    nearest = (means.astype(np.float64) * count).astype(np.float32)
    sums = nearest
    for direction in (0, np.inf):
        neighbour = np.nextafter(nearest, np.float32(direction))
        sums = np.where(sums / np.float32(count) == means, sums, neighbour)
    return np.where(sums / np.float32(count) == means, sums, nearest)


def _groups(shape: Sequence[int], quantizer: BinaryQuantizer) -> int:
    return shape[-1] if quantizer.per_channel else 1
