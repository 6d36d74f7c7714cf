"""The operators of TensorFlow that are read: windows, moves, quantizers. Arithmetic: ``graphdef_arithmetic``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlk.frontends import operators
from dlk.frontends.contract import Kernel
from dlk.frontends.translate import Constant, Foreign, Operator, Tensor, Translator
from dlk.frontends.values import NCHW, NHWC, C, H, Norm, Value, W, need
from dlk.ir.codes import CodeType
from dlk.ir.semantics import mean_magnitude

_FLOAT = 1  # of TensorFlow's types
_FORMATS = {b"NHWC": NHWC, b"NCHW": NCHW}


class Binary(np.ndarray):
    """A kernel HWIO that a quantizer binarises: ``scaling`` is tensor or channel; ``zero``: what sign(0) is."""

    scaling: str = ""
    zero: int = 1

    def __array_finalize__(self, source: object) -> None:
        self.scaling, self.zero = getattr(source, "scaling", ""), getattr(source, "zero", 1)

    def values(self) -> NDArray[np.float32]:
        """Return what the quantizer makes of the kernel."""
        plain = np.asarray(self, np.float64)
        size = np.abs(plain)
        per_channel = self.scaling == "channel"
        scale = size.mean(axis=tuple(range(self.ndim - 1)), keepdims=True) if per_channel else size.mean()
        return np.asarray(np.where(plain == 0, self.zero, np.sign(plain)) * scale, np.float32)


def binary(scaling: str, *, zero_is_plus: bool) -> Operator:
    """Return the operator of a weight quantizer."""

    def apply(translator: Translator, node: Foreign) -> Tensor:
        kernel = translator.constant(node, 0).astype(np.float32).view(Binary)
        kernel.scaling, kernel.zero = scaling, 1 if zero_is_plus else 0
        return kernel

    return apply


def activation(translator: Translator, node: Foreign) -> Tensor:
    """Read a quantizer of activations: x, bits, max_value."""
    bits, top = (translator.constant(node, index).reshape(-1) for index in (1, 2))
    need(len(bits) == len(top) == 1, "bits or max_value is no single number", "bits and max_value are numbers")
    kind = CodeType(int(bits[0]), float(np.float32(top[0])))
    x = translator.value(node)
    name = scope_of(node)
    return translator.contract.quantize(x, kind, name, alone=translator.alone(node), tap=node.outputs[0])


def scope_of(node: Foreign) -> str:
    """Return the scope of a node, which names its layer; its own name where it has none."""
    return node.name.rpartition("/")[0] or node.name


def _format(node: Foreign, x: Value) -> dict[int, int]:
    """Return which axis of the node's lists each of our axes is; the node must agree with its input."""
    name = node.attributes["data_format"].s if "data_format" in node.attributes else b""
    axes = _FORMATS.get(name or b"NHWC", ())
    need(axes == x.axes, f"data_format {name.decode()} on axes {x.axes}", "pictures are NHWC, or NCHW, as it says")
    return {axis: place for place, axis in enumerate(axes)}


def window_of(node: Foreign, x: Value, key: str) -> tuple[int, int]:
    """Return the rows and columns of ``ksize``, ``strides`` or ``dilations``, which are 1 on the other axes."""
    places, values = _format(node, x), list(node.attributes[key].list.i)
    need(len(values) == 4, f"{key} {values}", "four numbers, one an axis")
    need(values[places[0]] == values[places[C]] == 1, f"{key} {values}", "windows lie in rows and columns")
    return values[places[H]], values[places[W]]


def pads_of(node: Foreign, x: Value, window: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Return (top, left, bottom, right) of a window of the node."""
    padding = node.attributes["padding"].s.decode()
    if padding != "EXPLICIT":
        return operators.pads_of(padding, x.shape[1:], window, strides)
    places, values = _format(node, x), list(node.attributes["explicit_paddings"].list.i)
    return [values[2 * places[axis] + after] for after in (0, 1) for axis in (H, W)]


def kernel_of(translator: Translator, node: Foreign, weights: Constant, order: Sequence[int]) -> Kernel:
    """Return a kernel, turned to OIHW; a binarised one with a 0, where sign(0) is 0, becomes signs and scale."""
    turned = np.ascontiguousarray(np.asarray(weights, np.float32).transpose(order))
    if not isinstance(weights, Binary):
        return Kernel(turned)
    zeros = int(np.count_nonzero(turned == 0))
    if zeros:
        means = "0, as its own function has it" if weights.zero == 0 else "+1"
        translator.contract.notes.append(f"{scope_of(node)}: {zeros} weights are exactly 0; their sign is {means}")
    if not zeros or weights.zero == 1:
        return Kernel(turned, weights.scaling)
    outputs = len(turned)
    per_channel = weights.scaling == "channel"
    scales = [mean_magnitude(part) for part in turned] if per_channel else [mean_magnitude(turned)] * outputs
    shape = (outputs, *[1] * (turned.ndim - 1))
    return Kernel(turned, "", np.sign(turned).astype(np.int8), np.array(scales).reshape(shape))


def _conv(translator: Translator, node: Foreign) -> Tensor:
    x = translator.value(node)
    strides = window_of(node, x, "strides")
    if "dilations" in node.attributes and list(node.attributes["dilations"].list.i):
        need(window_of(node, x, "dilations") == (1, 1), "a dilated window", "windows have no dilation")
    weights = translator.constant(node, 1)
    need(weights.ndim == 4, f"a kernel of shape {weights.shape}", "a kernel is HWIO")
    if node.op == "DepthwiseConv2dNative":
        rows, columns, channels, each = weights.shape
        turned = weights.transpose(2, 3, 0, 1).reshape(channels * each, 1, rows, columns)
        if isinstance(turned, Binary) and turned.scaling == "channel":
            need(each == 1, "one scale for channels of several groups", "a scale belongs to a kernel or to a channel")
            turned.scaling = "tensor"
        kernel, group = kernel_of(translator, node, turned, (0, 1, 2, 3)), channels
    else:
        kernel = kernel_of(translator, node, weights, (3, 2, 0, 1))
        group = x.channels // max(kernel.values.shape[1], 1)
    pads = pads_of(node, x, kernel.values.shape[2:], strides)
    return operators.convolution(
        translator.contract, x, kernel, scope_of(node), strides=strides, pads=pads, group=group
    )


def _batch_norm(translator: Translator, node: Foreign) -> Tensor:
    x = translator.value(node)
    training = node.attributes.get("is_training")
    need(training is not None and not training.b, "it normalises by the batch", "statistics are constants")
    _format(node, x)
    gamma, beta, mean, variance = (translator.constant(node, i).astype(np.float64).reshape(-1) for i in range(1, 5))
    vectors = (gamma, beta, mean, variance)
    need(all(len(vector) == x.channels for vector in vectors), "its vectors do not fit", "one number a channel")
    epsilon = float(np.float32(node.attributes["epsilon"].f)) if "epsilon" in node.attributes else 1e-4
    norm = Norm(gamma, beta, mean, variance, epsilon)
    return operators.linear(translator.contract, x, norm, scope_of(node), alone=translator.alone(node))


def _bias(translator: Translator, node: Foreign) -> Tensor:
    x, bias = translator.value(node), translator.constant(node, 1).astype(np.float64)
    need(bias.shape == (x.channels,), f"a bias of shape {bias.shape}", "one number a channel")
    norm = Norm.linear(np.ones(x.channels), bias)
    return operators.linear(translator.contract, x, norm, node.name, alone=translator.alone(node))


def _same(translator: Translator, node: Foreign) -> Tensor:
    kind = node.attributes["DstT"].type if node.op == "Cast" else _FLOAT
    need(kind == _FLOAT, f"a cast to TensorFlow's type {kind}", "floats of 32 bits")
    return translator.same(translator.tensors[node.inputs[0]])


def _max_pool(translator: Translator, node: Foreign) -> Tensor:
    x = translator.value(node)
    window, strides = window_of(node, x, "ksize"), window_of(node, x, "strides")
    pads = pads_of(node, x, window, strides)
    return operators.max_pool(translator.contract, x, window, strides, pads, node.name)


def _concat(translator: Translator, node: Foreign) -> Tensor:
    count = len(node.inputs) - 1
    values = [translator.value(node, index) for index in range(count)]
    axis = int(translator.constant(node, count).reshape(()))
    alone = all(translator.alone(node, index) for index in range(count)) and len(set(node.inputs)) == count + 1
    return operators.concat(translator.contract, values, axis, node.name, open_ends=alone)


def _split(translator: Translator, node: Foreign) -> Sequence[Tensor]:
    by_sizes = node.op == "SplitV"
    x = translator.value(node, 0 if by_sizes else 1)
    axis = int(translator.constant(node, 2 if by_sizes else 0).reshape(()))
    count = len(node.outputs)
    if by_sizes:
        sizes = [int(size) for size in translator.constant(node, 1).reshape(-1)]
    else:
        need(x.channels % count == 0, f"{x.channels} channels in {count} parts", "the parts are equal")
        sizes = [x.channels // count] * count
    return operators.split(translator.contract, x, axis, sizes, node.name)


def _pad(translator: Translator, node: Foreign) -> Tensor:
    widths = translator.constant(node, 1)
    if translator.has(node, 2):
        need(float(translator.constant(node, 2).reshape(())) == 0, "it pads with something else", "padding is 0")
    before, after = widths.T.tolist()
    return operators.pad(translator.contract, translator.value(node), before, after, node.name)


def _moved(translator: Translator, node: Foreign) -> Tensor:
    x = translator.value(node)
    _format(node, x)
    move = operators.space_to_depth if node.op == "SpaceToDepth" else operators.depth_to_space
    return move(translator.contract, x, int(node.attributes["block_size"].i), node.name)


def _transpose(translator: Translator, node: Foreign) -> Tensor:
    x = translator.settled(node)
    return operators.transpose(x, [int(axis) for axis in translator.constant(node, 1)])


def _reshape(translator: Translator, node: Foreign) -> Tensor:
    x = translator.settled(node)
    return operators.reshape(x, [int(size) for size in translator.constant(node, 1).reshape(-1)])


def dropped(node: Foreign, rank: int) -> set[int]:
    """Return the axes that a squeeze names."""
    entry = node.attributes.get("squeeze_dims") or node.attributes.get("axis")
    return {axis % rank for axis in entry.list.i} if entry is not None else set()


def _squeeze(translator: Translator, node: Foreign) -> Tensor:
    x = translator.settled(node)
    shape = x.foreign_shape
    gone = dropped(node, len(shape)) or {axis for axis, size in enumerate(shape) if size == 1 and axis}
    return operators.reshape(x, [size for axis, size in enumerate(shape) if axis not in gone])


def _shape(translator: Translator, node: Foreign) -> Tensor:
    return np.array(translator.value(node).foreign_shape, np.int32)


def _resize(translator: Translator, node: Foreign) -> Tensor:
    x = translator.value(node)
    need(x.axes == NHWC, "pictures are not NHWC", "a resize works on NHWC")
    corners = node.attributes.get("align_corners")
    need(corners is None or not corners.b, "align_corners", "pixels are repeated")
    wanted = [int(size) for size in translator.constant(node, 1).reshape(-1)]
    factors = [size // n for size, n in zip(wanted, x.shape[1:], strict=True)]
    exact = [n * factor for n, factor in zip(x.shape[1:], factors, strict=True)] == wanted
    need(exact, f"from {list(x.shape[1:])} to {wanted}", "an image grows by a whole factor")
    return operators.enlarge(translator.contract, x, factors, node.name)


OPERATORS: dict[str, Operator] = {
    "BiasAdd": _bias,
    "Cast": _same,
    "ConcatV2": _concat,
    "Conv2D": _conv,
    "DepthToSpace": _moved,
    "DepthwiseConv2dNative": _conv,
    "FusedBatchNorm": _batch_norm,
    "FusedBatchNormV2": _batch_norm,
    "FusedBatchNormV3": _batch_norm,
    "Identity": _same,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "PadV2": _pad,
    "PlaceholderWithDefault": _same,
    "Reshape": _reshape,
    "ResizeNearestNeighbor": _resize,
    "Shape": _shape,
    "SpaceToDepth": _moved,
    "Split": _split,
    "SplitV": _split,
    "Squeeze": _squeeze,
    "StopGradient": _same,
    "Transpose": _transpose,
}
