"""What both frontends do with values: windows, sums over channels, arithmetic, moves and joins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.frontends.contract import Contract, Kernel
from dlk.frontends.values import NC, NCHW, C, H, Norm, Value, W, need

_LAYOUT = "pictures have rows, columns and channels, in any order"
_MOST_REORDERED = 256  # channels that are moved one by one
Floats = NDArray[np.float32]


def pads_of(padding: str, size: Sequence[int], window: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Return (top, left, bottom, right) of TensorFlow's SAME, ONNX's SAME_UPPER and SAME_LOWER, or VALID."""
    if padding == "VALID":
        return [0, 0, 0, 0]
    need(padding in ("SAME", "SAME_UPPER", "SAME_LOWER"), f"the padding {padding}", "SAME, VALID or explicit pads")
    total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, window, strides, strict=True)]
    small = [(t + (padding == "SAME_LOWER")) // 2 for t in total]
    return [*small, *(t - s for t, s in zip(total, small, strict=True))]


def windows(size: Sequence[int], window: Sequence[int], strides: Sequence[int], pads: Sequence[int]) -> tuple[int, int]:
    """Return the rows and columns of what a window makes."""
    found = [
        (n + pads[i] + pads[i + 2] - k) // s + 1 for i, (n, k, s) in enumerate(zip(size, window, strides, strict=True))
    ]
    need(min(found) >= 1, f"the window {list(window)} is larger than the image {list(size)}", "a window fits its image")
    return found[0], found[1]


def steps(size: Sequence[int], window: Sequence[int], strides: Sequence[int], pads: Sequence[int]) -> list[int]:
    """Return the strides, those that do not matter, since the window stands in one place, as the other one, or 1."""
    free = [at for at, there in enumerate(windows(size, window, (1, 1), pads)) if there == 1]
    if len(free) == 2:
        return [1, 1]
    return [strides[1 - at] if at in free else strides[at] for at in (0, 1)]


def convolution(
    contract: Contract,
    x: Value,
    kernel: Kernel,
    name: str,
    *,
    strides: Sequence[int],
    pads: Sequence[int],
    group: int = 1,
) -> Value:
    """Return the open layer that a convolution begins; name: of the foreign node or its scope."""
    need(not x.flat and set(x.axes) >= set(NC), f"the axes {x.axes}", _LAYOUT)
    outputs, inputs, *window = kernel.values.shape
    expected = f"a kernel for {inputs * group} channels on {x.channels}"
    need(inputs * group == x.channels and outputs % group == 0, expected, "a kernel fits its input")
    rows, columns = windows(x.shape[1:], window, strides, pads)
    layer, strides = contract.layer(name), steps(x.shape[1:], window, strides, pads)
    made = contract.convolution(x, kernel, layer, strides=strides, pads=pads, group=group)
    return Value(made, (outputs, rows, columns), x.axes, Norm.identity(outputs), layer)


def matrix(contract: Contract, x: Value, kernel: Kernel, name: str) -> Value:
    """Return the open layer of a matrix product [1, K] x [K, O]; the kernel's values are [O, K, 1, 1].

    A flattened tensor is multiplied by a convolution with a window of its own size.
    """
    outputs = len(kernel.values)
    if x.flat:
        picture = tuple((1, *x.shape)[axis] for axis in x.flat)
        back = np.argsort([0, *x.flat])
        signs = None if kernel.signs is None else kernel.signs.reshape(outputs, *picture).transpose(back)
        values = kernel.values.reshape(outputs, *picture).transpose(back)
        kernel = Kernel(values, kernel.scaling, signs, kernel.scale)
        x = Value(contract.finish(x), x.shape, NCHW)
    need(x.shape[1:] == kernel.values.shape[2:], f"a matrix on a picture of {x.shape[1:]}", "a matrix follows a vector")
    made = convolution(contract, x, kernel, name, strides=(1, 1), pads=(0, 0, 0, 0))
    return Value(made.name, made.shape, NC, made.norm, made.layer)


def linear(contract: Contract, x: Value, norm: Norm, name: str, *, alone: bool) -> Value:
    """Return a value with a normalisation, or anything linear by channel, behind all that it has already."""
    if alone and x.open:
        if x.parts:
            parts, first = [], 0
            for part in x.parts:
                of_part = norm.part(slice(first, first + part.channels))
                parts.append(linear(contract, part, of_part, name, alone=True))
                first += part.channels
            return Value("", x.shape, x.axes, layer=x.layer, parts=tuple(parts))
        assert x.norm is not None  # noqa: S101 - an open value has a norm or parts
        return Value(x.name, x.shape, x.axes, x.norm.then(norm), x.layer)
    return Value(contract.finish(x), x.shape, x.axes, norm, contract.layer(name))


def transpose(x: Value, perm: Sequence[int]) -> Value:
    """Return the same value with its axes in another order."""
    need(sorted(perm) == list(range(len(x.axes))) and not x.flat, f"perm {list(perm)}", _LAYOUT)
    return _as(x, tuple(x.axes[axis] for axis in perm))


def reshape(x: Value, shape: Sequence[int]) -> Value:
    """Return the same value in another shape: axes of size 1 come and go, or all but the batch become one."""
    wanted = list(shape)
    total = math.prod(x.foreign_shape)
    if wanted.count(-1) == 1:
        known = -math.prod(wanted)
        need(known > 0 and total % known == 0, f"a shape {wanted} of {total} values", "a shape fits its values")
        wanted[wanted.index(-1)] = total // known
    need(math.prod(wanted) == total, f"a shape {wanted} of {total} values", "a shape fits its values")
    if tuple(wanted) == x.foreign_shape:
        return x
    if len(wanted) == 2 and wanted[0] == 1 and not x.flat:
        order = tuple(axis for axis in x.axes if axis)
        if x.shape[1:] == (1, 1):
            return _as(x, NC)
        return replace(x, flat=order)
    large = [size for size in wanted if size != 1]
    if x.shape[1:] == (1, 1) and large in ([x.channels], []) and 2 <= len(wanted) <= 4:
        at = wanted.index(x.channels, 1) if large else 1
        others = iter((H, W))
        return _as(x, tuple(0 if i == 0 else C if i == at else next(others) for i in range(len(wanted))))
    need(False, f"a reshape from {list(x.foreign_shape)} to {wanted}", "a reshape flattens, or drops axes of size 1")
    return x


def _as(x: Value, axes: tuple[int, ...]) -> Value:
    """Return the same value, its axes in another order."""
    return replace(x, axes=axes, flat=())


def concat(contract: Contract, values: Sequence[Value], axis: int, name: str, *, open_ends: bool) -> Value:
    """Join channels. open_ends: nothing else reads the parts, so that a normalisation may become one of theirs."""
    first = values[0]
    joined = {value.axis(axis) for value in values}
    need(joined == {C}, f"axis {axis}", "channels are joined, and nothing else")
    need(len({value.shape[1:] for value in values}) == 1, "parts of different sizes", "parts are of one size")
    need(len({value.axes for value in values}) == 1, "parts whose axes differ", "parts have the same order of axes")
    shape = (sum(value.channels for value in values), *first.shape[1:])
    layer = contract.layer(name)
    if open_ends and all(value.open for value in values):
        return Value("", shape, first.axes, layer=layer, parts=tuple(values))
    made = contract.node("Concat", layer, *(contract.finish(value) for value in values), axis=1)
    return Value(made, shape, first.axes)


def split(contract: Contract, x: Value, axis: int, sizes: Sequence[int], name: str) -> list[Value]:
    """Part channels by sizes."""
    need(x.axis(axis) == C, f"axis {axis}", "channels are parted, and nothing else")
    need(sum(sizes) == x.channels and min(sizes) >= 1, f"parts {list(sizes)} of {x.channels}", "parts make the whole")
    if len(sizes) == 1:
        return [x]
    layer = contract.layer(name)
    stored = contract.constant(f"{layer}/sizes", np.array(sizes, np.int64))
    made = contract.node("Split", layer, contract.finish(x), stored, outputs=len(sizes), axis=1)
    values = [made, *(f"{layer}:{index}" for index in range(1, len(sizes)))]
    return [Value(value, (size, *x.shape[1:]), x.axes) for value, size in zip(values, sizes, strict=True)]


def pad(contract: Contract, x: Value, before: Sequence[int], after: Sequence[int], name: str) -> Value:
    """Put zeros around; before and after: by axis of the foreign tensor."""
    widths = np.zeros((2, 4), np.int64)
    for number in range(len(x.axes)):
        widths[:, x.axis(number)] = before[number], after[number]
    need(widths.min() >= 0 and not widths[:, 0].any(), f"pads {widths.tolist()}", "pads widen a picture, not the batch")
    if not widths.any():
        return x
    layer = contract.layer(name)
    made = contract.node("Pad", layer, contract.finish(x), contract.constant(f"{layer}/pads", widths.reshape(-1)))
    shape = tuple(size + sum(pair) for size, pair in zip(x.shape, widths.T[1:].tolist(), strict=True))
    return Value(made, (shape[0], shape[1], shape[2]), x.axes)


def space_to_depth(contract: Contract, x: Value, block: int, name: str) -> Value:
    """Move blocks of pixels into channels, block row and column before the channel.

    A block of 2b is a block of 2 and then one of b, whose rows and columns are put in order afterwards.
    """
    channels, height, width = x.shape
    _need_block(block)
    need(height % block == width % block == 0, f"an image of {height}x{width}", "an image is a multiple of the block")
    made = contract.node("SpaceToDepth", contract.layer(name), contract.finish(x), blocksize=2)
    moved = Value(made, (channels * 4, height // 2, width // 2), x.axes)
    if block == 2:
        return moved
    half = block // 2
    moved = space_to_depth(contract, moved, half, f"{name}.more")
    return _reordered(contract, moved, (half, half, 2), name)


def depth_to_space(contract: Contract, x: Value, block: int, name: str) -> Value:
    """Move channels into blocks of pixels, the inverse of ``space_to_depth``."""
    channels, height, width = x.shape
    _need_block(block)
    need(channels % (block * block) == 0, f"{channels} channels", "channels are a multiple of the block")
    if block > 2:
        half = block // 2
        x = depth_to_space(contract, _reordered(contract, x, (half, 2, half), name), half, f"{name}.more")
    channels, height, width = x.shape
    made = contract.node("DepthToSpace", contract.layer(name), contract.finish(x), blocksize=2, mode="DCR")
    return Value(made, (channels // 4, height * 2, width * 2), x.axes)


def depth_to_space_by_channel(contract: Contract, x: Value, block: int, name: str) -> Value:
    """Move channels into blocks of pixels where the channel comes before block row and column: ONNX's CRD."""
    _need_block(block)
    need(x.channels % (block * block) == 0, f"{x.channels} channels", "channels are a multiple of the block")
    few = f"channels are block row, block column, channel (DCR), or in the mode CRD at most {_MOST_REORDERED}"
    need(x.channels <= _MOST_REORDERED, f"the mode CRD of {x.channels} channels", few)
    ordered = _reordered(contract, x, (1, x.channels // (block * block), block * block), name)
    return depth_to_space(contract, ordered, block, name)


def _need_block(block: int) -> None:
    need(block > 1 and block.bit_count() == 1, f"blocks of {block}", "blocks are of 2, 4, 8 ... pixels")


def _reordered(contract: Contract, x: Value, sizes: tuple[int, int, int], name: str) -> Value:
    """Exchange the last two of the three numbers, of these sizes, by which the first channel of each part is found."""
    count = math.prod(sizes)
    parts = split(contract, x, x.axes.index(C), [x.channels // count] * count, f"{name}.parts")
    order = np.arange(count).reshape(sizes).transpose(0, 2, 1).reshape(-1)
    return concat(contract, [parts[n] for n in order], x.axes.index(C), f"{name}.order", open_ends=False)


def max_pool(
    contract: Contract, x: Value, window: Sequence[int], strides: Sequence[int], pads: Sequence[int], name: str
) -> Value:
    """Take the largest value of each window."""
    rows, columns = windows(x.shape[1:], window, strides, pads)
    facts: dict[str, Any] = {"kernel_shape": list(window), "pads": list(pads)}
    facts["strides"] = steps(x.shape[1:], window, strides, pads)
    made = contract.node("MaxPool", contract.layer(name), contract.finish(x), **facts)
    return Value(made, (x.channels, rows, columns), x.axes)


def enlarge(contract: Contract, x: Value, factors: Sequence[int], name: str) -> Value:
    """Repeat each pixel ``factors`` times (rows, columns): all channels four times, then to space, again and again."""
    need(len(set(factors)) == 1 and factors[0].bit_count() == 1, f"factors {list(factors)}", "factors are 2, 4, 8 ...")
    for _ in range(int(factors[0]).bit_length() - 1):
        layer = contract.layer(name)
        four = contract.node("Concat", layer, *[contract.finish(x)] * 4, axis=1)
        x = depth_to_space(contract, Value(four, (4 * x.channels, *x.shape[1:]), x.axes), 2, f"{name}.spread")
    return x
