"""Shape rules of the ops: from the operands' shapes and the attributes to the result's shape.

Activations are [1, H, W, C] (NHWC) in our domain and [1, C, H, W] (NCHW) in a graph as exported.
A rule raises ``ValueError`` with the reason when the operands do not fit together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Shape = tuple[int, ...]
ShapeRule = Callable[[Sequence[Shape], Mapping[str, Any]], Shape]
PartsRule = Callable[[Sequence[Shape], Mapping[str, Any]], list[Shape]]


def _need(holds: bool, reason: str) -> None:
    """Raise ``ValueError`` with the reason unless it holds."""
    if not holds:
        raise ValueError(reason)


def same(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Return the first operand's shape: an op on single elements."""
    return shapes[0]


def elementwise(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Return the shape that all operands share: an op on single elements of several."""
    _need(len(set(shapes)) == 1, f"operands of different shapes: {', '.join(map(str, shapes))}")
    return shapes[0]


def softmax(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Return the same shape; the attribute ``axis`` names the channels."""
    _channel_axis(attributes)
    return shapes[0]


def transpose(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Permute the axes by ``perm``."""
    perm = attributes["perm"]
    _need(sorted(perm) == list(range(len(shapes[0]))), f"perm {list(perm)} does not permute {len(shapes[0])} axes")
    return tuple(shapes[0][axis] for axis in perm)


def scaled_kernel(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Return the kernel's shape; the scale is 1 on every axis but the output channels'."""
    kernel, scale = shapes
    _need(all(s in (1, k) for k, s in zip(kernel, scale, strict=True)), f"scale {scale} does not fit kernel {kernel}")
    return kernel


def slide(size: Sequence[int], window: Sequence[int], facts: Mapping[str, Any]) -> tuple[int, int]:
    """Return (rows, columns) at which a window stands on an image of ``size``: floor((n + pads - k) / stride) + 1.

    ``strides`` (rows, columns) is 1 unless given; ``pads`` (top, left, bottom, right) is 0 unless given.
    """
    strides, pads = facts.get("strides", (1, 1)), facts.get("pads", (0, 0, 0, 0))
    _need(len(window) == 2 and min(window) >= 1, f"the window {list(window)} is not rows and columns")
    _need(len(strides) == 2 and min(strides) >= 1, f"strides {list(strides)} are not two steps")
    _need(len(pads) == 4 and min(pads) >= 0, f"pads {list(pads)} are not four widths")
    padded = [n + before + after for n, before, after in zip(size, pads[:2], pads[2:], strict=True)]
    fits = all(n >= k for n, k in zip(padded, window, strict=True))
    _need(fits, f"the window {list(window)} is larger than the padded image {padded}")
    rows, columns = ((n - k) // step + 1 for n, k, step in zip(padded, window, strides, strict=True))
    return rows, columns


def touches(size: Sequence[int], window: Sequence[int], strides: Sequence[int], pads: Sequence[int]) -> bool:
    """Tell whether every window of ``slide`` holds at least one pixel of the image itself."""
    positions = slide(size, window, {"strides": strides, "pads": pads})
    axes = zip(size, window, strides, pads[:2], positions, strict=True)
    return all(before < k and (last - 1) * step - before < n for n, k, step, before, last in axes)


def conv_nchw(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Convolve with an OIHW kernel."""
    (batch, channels, *size), (outputs, inputs, *window) = shapes
    group = attributes.get("group", 1)
    _need(channels == inputs * group, f"the kernel reads {inputs * group} channels, the input has {channels}")
    _need(group >= 1 and outputs % group == 0, f"{outputs} channels in {group} groups")
    named = list(attributes["kernel_shape"])
    _need(named == window, f"kernel_shape {named} is not that of the kernel, {window}")
    return (batch, outputs, *slide(size, window, attributes))


def conv_nhwc(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Convolve with an HWIO kernel."""
    (batch, *size, channels), (*window, inputs, outputs) = shapes[:2]
    _need(channels == inputs, f"the kernel reads {inputs} channels, the input has {channels}")
    return (batch, *slide(size, window, attributes), outputs)


def pool_nchw(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Take one value a window, channel by channel."""
    batch, channels, *size = shapes[0]
    return (batch, channels, *slide(size, attributes["kernel_shape"], attributes))


def pool_nhwc(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Take one value a window, channel by channel."""
    batch, *size, channels = shapes[0]
    return (batch, *slide(size, attributes["kernel_shape"], attributes), channels)


def _channel_axis(attributes: Mapping[str, Any]) -> int:
    """Return the axis of the channels, 1 or 3, which the attribute ``axis`` must name."""
    axis = int(attributes.get("axis", 0))
    _need(axis in (1, 3, -1, -3), f"axis {axis} is not that of the channels")
    return axis % 4


def concat(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Join the channels; the other axes agree."""
    axis = _channel_axis(attributes)
    others = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
    _need(len(others) == 1, f"{', '.join(map(str, shapes))} differ on other axes than the channels' ({axis})")
    return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])


def split(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> list[Shape]:
    """Part the channels by the sizes in ``split``, or into ``num_outputs`` parts of which the last may be smaller."""
    axis = _channel_axis(attributes)
    shape = shapes[0]
    _need(("split" in attributes) != ("num_outputs" in attributes), "it has not either sizes or a number of parts")
    sizes = attributes.get("split") or equal_parts(shape[axis], attributes.get("num_outputs", 0))
    _need(min(sizes) >= 1 and sum(sizes) == shape[axis], f"parts of {list(sizes)} are not {shape[axis]} channels")
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]


def equal_parts(channels: int, parts: int) -> tuple[int, ...]:
    """Return the sizes of ``parts`` equal parts, the last one smaller where they can't be equal (ONNX's rule)."""
    _need(parts >= 1, f"{parts} parts")
    size = -(-channels // parts)
    return (*[size] * (parts - 1), channels - size * (parts - 1))


def pad(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Put ``pads`` elements (all befores, then all afters) around each axis but the batch."""
    pads = attributes["pads"]
    rank = len(shapes[0])
    _need(len(pads) == 2 * rank and min(pads) >= 0, f"pads {list(pads)} are not {2 * rank} widths")
    _need(pads[0] == pads[rank] == 0, f"pads {list(pads)} widen the batch")
    return tuple(n + before + after for n, before, after in zip(shapes[0], pads[:rank], pads[rank:], strict=True))


def conv_threshold(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Convolve; values are [channels, 2^bits - 1], directions [channels]."""
    result = conv_nhwc(shapes, attributes)
    expected = (result[-1], (1 << attributes["bits"]) - 1)
    _need(shapes[2] == expected, f"thresholds are {shapes[2]}, not {expected}")
    _need(shapes[3] == expected[:1], f"directions are {shapes[3]}, not {expected[:1]}")
    return result


def threshold(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Compare floats; values are [channels, 2^bits - 1], directions [channels]."""
    expected = (shapes[0][-1], (1 << attributes["bits"]) - 1)
    _need(shapes[1] == expected, f"thresholds are {shapes[1]}, not {expected}")
    _need(shapes[2] == expected[:1], f"directions are {shapes[2]}, not {expected[:1]}")
    return shapes[0]


def conv_affine(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Convolve; scale and bias are [channels]."""
    result = conv_nhwc(shapes, attributes)
    _need(shapes[2] == shapes[3] == result[-1:], f"scale {shapes[2]} and bias {shapes[3]} are not {result[-1:]}")
    return result


def channels_first(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Return the first shape; the others are one vector per channel of axis 1."""
    _need(all(s == shapes[0][1:2] for s in shapes[1:]), f"vectors {list(shapes[1:])} do not fit {shapes[0]} (NCHW)")
    return shapes[0]


def channels_last(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Return the first shape; the others are one vector per channel of the last axis."""
    _need(all(s == shapes[0][-1:] for s in shapes[1:]), f"vectors {list(shapes[1:])} do not fit {shapes[0]} (NHWC)")
    return shapes[0]


def table(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Return the codes' shape; the table has one entry a code."""
    _need(shapes[1] == (1 << attributes["bits"],), f"the table {shapes[1]} is not one entry for each of the codes")
    return shapes[0]


def _to_depth(height: int, width: int, channels: int, block: int) -> Shape:
    _need(height % block == 0 and width % block == 0, f"{height}x{width} is not a multiple of the block {block}")
    return (height // block, width // block, channels * block * block)


def _to_space(height: int, width: int, channels: int, block: int) -> Shape:
    _need(channels % (block * block) == 0, f"{channels} channels are not a multiple of {block * block}")
    return (height * block, width * block, channels // (block * block))


def _moved(move: Callable[[int, int, int, int], Shape], *, channel_axis: int) -> ShapeRule:
    def rule(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
        batch, *rest = shapes[0]
        channels = rest.pop(channel_axis - 1)
        *window, depth = move(rest[0], rest[1], channels, attributes["blocksize"])
        window.insert(channel_axis - 1, depth)
        return (batch, *window)

    return rule


space_to_depth_nchw = _moved(_to_depth, channel_axis=1)
space_to_depth_nhwc = _moved(_to_depth, channel_axis=3)
depth_to_space_nchw = _moved(_to_space, channel_axis=1)
depth_to_space_nhwc = _moved(_to_space, channel_axis=3)
