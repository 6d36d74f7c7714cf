"""What the original project's accelerator can't do, as a table like that of dlk.hw.limits, which is for our own.

It is asked of layers that fit our own, so strides and ternary weights need no row; nor do sums, which with a kernel of
3x3 and 1024 input channels reach 27648 of 32767.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlk.hw.limits import Convolution, Limit
from dlk.lowering.program import Kind, QuantConv, Thresholds

KERNELS = (1, 3)
BITS = 2
MOST_INPUTS = 1024
MOST_THRESHOLD = (1 << 12) - 1


def reachable_thresholds(step: QuantConv) -> NDArray[np.int32]:
    """Return the thresholds [channels, n] of a convolution, moved to the ends of what its channel's sums can reach.

    A threshold beyond means always or never, and one past the end means the same: the codes stay as they are, and the
    numbers become smaller. Weights are -1 and +1, codes have two bits.
    """
    assert isinstance(step.epilogue, Thresholds)  # noqa: S101 - for layers that write codes
    positive = np.count_nonzero(step.weights > 0, axis=(0, 1, 2))
    negative = np.count_nonzero(step.weights < 0, axis=(0, 1, 2))
    top = (1 << BITS) - 1
    least, most = -top * negative - 1, top * positive + 1
    return np.clip(step.epilogue.values, least[:, None], most[:, None]).astype(np.int32)


def _kernel(layer: Convolution) -> str | None:
    rows, columns = layer.kernel
    return None if rows == columns and rows in KERNELS else f"a kernel of {rows}x{columns}"


def _padding(layer: Convolution) -> str | None:
    before, after = layer.step.window.before, layer.after
    half = (layer.kernel[0] // 2, layer.kernel[1] // 2)
    return None if before == after == half else f"padding of {before} before and {after} after"


def _bits(layer: Convolution) -> str | None:
    found = {tensor.bits for tensor in (layer.source, layer.result) if tensor.kind is Kind.CODES} - {BITS}
    return f"activations of {', '.join(map(str, sorted(found)))} bits" if found else None


def _inputs(layer: Convolution) -> str | None:
    channels = layer.source.shape[2]
    return f"{channels} input channels" if channels > MOST_INPUTS else None


def _thresholds(layer: Convolution) -> str | None:
    if not isinstance(layer.step.epilogue, Thresholds):
        return None
    found = reachable_thresholds(layer.step)
    beyond = np.abs(found).max(axis=1) > MOST_THRESHOLD
    words = f"thresholds from {found.min()} to {found.max()}, too large in {np.count_nonzero(beyond)} channels"
    return words if beyond.any() else None


LIMITS: tuple[Limit, ...] = (
    Limit("kernel", _kernel, "1x1 or 3x3", "take a kernel of 1x1 or 3x3"),
    Limit("padding", _padding, "half the kernel on each side", "pad by SAME"),
    Limit("activations", _bits, f"{BITS} bits", f"take an activation quantizer of {BITS} bits"),
    Limit("input channels", _inputs, f"at most {MOST_INPUTS}", "take fewer channels"),
    Limit(
        "thresholds",
        _thresholds,
        f"from -{MOST_THRESHOLD} to {MOST_THRESHOLD}",
        "take fewer channels, or another checkpoint",
    ),
)
