"""Shape rules of the ops: from the operands' shapes and the attributes to the result's shape.

Activations are [1, H, W, C] (NHWC) in our domain and [1, C, H, W] (NCHW) in a graph as exported.
A rule raises ``ValueError`` with the reason when the operands do not fit together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Shape = tuple[int, ...]
ShapeRule = Callable[[Sequence[Shape], Mapping[str, Any]], Shape]


def _need(holds: bool, reason: str) -> None:
    """Raise ``ValueError`` with the reason unless it holds."""
    if not holds:
        raise ValueError(reason)


def same(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Return the first operand's shape: an op on single elements."""
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


def conv_nchw(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Convolve with an OIHW kernel, stride 1, SAME."""
    (batch, channels, height, width), (outputs, inputs, *window) = shapes
    _need(channels == inputs, f"the kernel reads {inputs} channels, the input has {channels}")
    _need(all(k % 2 for k in window), f"the window {window} is even")
    return (batch, outputs, height, width)


def conv_nhwc(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Convolve with an HWIO kernel, stride 1, SAME."""
    (batch, height, width, channels), (kh, kw, inputs, outputs) = shapes[:2]
    _need(channels == inputs, f"the kernel reads {inputs} channels, the input has {channels}")
    _need(kh % 2 == 1 and kw % 2 == 1, f"the window {kh}x{kw} is even")
    return (batch, height, width, outputs)


def conv_threshold(shapes: Sequence[Shape], attributes: Mapping[str, Any]) -> Shape:
    """Convolve; values are [channels, 2^bits - 1], directions [channels]."""
    result = conv_nhwc(shapes, attributes)
    expected = (result[-1], (1 << attributes["bits"]) - 1)
    _need(shapes[2] == expected, f"thresholds are {shapes[2]}, not {expected}")
    _need(shapes[3] == expected[:1], f"directions are {shapes[3]}, not {expected[:1]}")
    return result


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
