"""The operators of ONNX that are read: windows, moves, arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlk.frontends import arithmetic, operators
from dlk.frontends.contract import Kernel
from dlk.frontends.qonnx import Signed
from dlk.frontends.translate import Constant, Foreign, Operator, Tensor, Translator
from dlk.frontends.values import NCHW, H, Norm, Value, W, need

_SCALE = "a scale belongs to a channel"
_ONE = "an attribute as the operator has it"
_MOVES = {
    "SpaceToDepth": operators.space_to_depth,
    "DCR": operators.depth_to_space,
    "CRD": operators.depth_to_space_by_channel,
}


def kernel_of(weights: Constant) -> Kernel:
    """Return the kernel [O, I, kh, kw]; one of signs has one scale for each output channel."""
    if not isinstance(weights, Signed):
        return Kernel(np.asarray(weights, np.float32))
    scale = np.broadcast_to(weights.scale, weights.signs.shape).reshape(len(weights.signs), -1)
    need(bool(np.all(scale == scale[:, :1])), "a scale that differs inside a channel", _SCALE)
    column = scale[:, 0].reshape(-1, 1, 1, 1).copy()
    return Kernel(np.asarray(weights, np.float32), "", weights.signs, column)


def _picture(translator: Translator, node: Foreign) -> Value:
    x = translator.value(node)
    need(x.axes == NCHW and not x.flat, f"a picture with axes {x.axes}", "windows work on NCHW")
    return x


def _places(node: Foreign, x: Value, window: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return strides and pads."""
    facts = node.attributes
    need(all(step == 1 for step in facts.get("dilations", [])), "a dilated window", "windows have no dilation")
    whole = not facts.get("ceil_mode") and not facts.get("storage_order")
    need(whole, "ceil_mode", "a window stands where all of it fits")
    strides = list(facts.get("strides", [1, 1]))
    padding = facts.get("auto_pad", b"NOTSET").decode()
    if padding == "NOTSET":
        return strides, list(facts.get("pads", [0, 0, 0, 0]))
    return strides, operators.pads_of(padding, x.shape[1:], window, strides)


def _conv(translator: Translator, node: Foreign) -> Tensor:
    x, weights = _picture(translator, node), translator.constant(node, 1)
    need(weights.ndim == 4, f"a kernel of shape {weights.shape}", "a window has rows and columns")
    kernel = kernel_of(weights)
    strides, pads = _places(node, x, weights.shape[2:])
    group = int(node.attributes.get("group", 1))
    made = operators.convolution(translator.contract, x, kernel, node.name, strides=strides, pads=pads, group=group)
    return _biased(translator, node, made)


def _biased(translator: Translator, node: Foreign, made: Value) -> Value:
    if not translator.has(node, 2):
        return made
    bias = np.broadcast_to(translator.constant(node, 2).astype(np.float64).reshape(-1), (made.channels,))
    assert made.norm is not None  # noqa: S101 - a layer is open when it begins
    made.norm = made.norm.then(Norm.linear(np.ones(made.channels), bias.copy()))
    return made


def _matrix(translator: Translator, node: Foreign) -> Tensor:
    x, weights, facts = translator.settled(node), translator.constant(node, 1), node.attributes
    plain = not facts.get("transA") and facts.get("alpha", 1.0) == 1.0 and facts.get("beta", 1.0) == 1.0
    need(plain and weights.ndim == 2, "another product than x W + b", "a vector times a constant matrix")
    turn = [0, 1] if facts.get("transB") else [1, 0]
    turned = weights.turned(turn) if isinstance(weights, Signed) else np.asarray(weights, np.float32).transpose(turn)
    kernel = kernel_of(turned.as_window() if isinstance(turned, Signed) else turned[:, :, np.newaxis, np.newaxis])
    return _biased(translator, node, operators.matrix(translator.contract, x, kernel, node.name))


def _batch_norm(translator: Translator, node: Foreign) -> Tensor:
    x = translator.value(node)
    need(not node.attributes.get("training_mode"), "it normalises by the batch", "statistics are constants")
    need(len(x.axes) < 2 or x.axes[1] == 1, f"axes {x.axes}", "it normalises channels, axis 1")
    vectors = [translator.constant(node, index).astype(np.float64).reshape(-1) for index in range(1, 5)]
    need(all(len(vector) == x.channels for vector in vectors), "its vectors do not fit", "one number a channel")
    epsilon = float(np.float32(node.attributes.get("epsilon", 1e-5)))
    norm = Norm(vectors[0], vectors[1], vectors[2], vectors[3], epsilon)
    return operators.linear(translator.contract, x, norm, node.name, alone=translator.alone(node))


def _two(translator: Translator, node: Foreign) -> Tensor:
    if len(node.inputs) == 1:
        return translator.same(translator.value(node))
    need(len(node.inputs) == 2, f"{len(node.inputs)} tensors", "two tensors, or a tensor and a constant")
    return arithmetic.operands(translator, node, node.op)


def _relu(translator: Translator, node: Foreign) -> Tensor:
    """Read Relu."""
    return arithmetic.rectify(translator.contract, translator.value(node), node.name, alone=translator.alone(node))


def _leaky(translator: Translator, node: Foreign) -> Tensor:
    alpha = float(np.float32(node.attributes.get("alpha", 0.01)))
    return arithmetic.leaky(translator.contract, translator.value(node), alpha, node.name)


def _max_pool(translator: Translator, node: Foreign) -> Tensor:
    x, window = _picture(translator, node), node.attributes["kernel_shape"]
    strides, pads = _places(node, x, window)
    return operators.max_pool(translator.contract, x, window, strides, pads, node.name)


def _average_pool(translator: Translator, node: Foreign) -> Tensor:
    x, window = _picture(translator, node), node.attributes["kernel_shape"]
    strides, pads = _places(node, x, window)
    padded = bool(node.attributes.get("count_include_pad", 0))
    return arithmetic.average_pool(translator.contract, x, window, strides, pads, node.name, padded=padded)


def _global_mean(translator: Translator, node: Foreign) -> Tensor:
    _picture(translator, node)
    return arithmetic.mean(translator.contract, translator.value(node), (2, 3), node.name, keep=True)


def _mean(translator: Translator, node: Foreign) -> Tensor:
    axes = translator.constant(node, 1) if translator.has(node, 1) else np.array(node.attributes["axes"])
    keep = bool(node.attributes.get("keepdims", 1))
    return arithmetic.mean(translator.contract, translator.value(node), axes.reshape(-1).tolist(), node.name, keep=keep)


def _concat(translator: Translator, node: Foreign) -> Tensor:
    values = [translator.value(node, index) for index in range(len(node.inputs))]
    alone = all(translator.alone(node, index) for index in range(len(values)))
    alone = alone and len(set(node.inputs)) == len(values)
    return operators.concat(translator.contract, values, int(node.attributes["axis"]), node.name, open_ends=alone)


def _split(translator: Translator, node: Foreign) -> Sequence[Tensor]:
    x, axis = translator.value(node), int(node.attributes.get("axis", 0))
    count = len(node.outputs)
    if translator.has(node, 1):
        sizes = [int(size) for size in translator.constant(node, 1)]
    else:
        each = -(-x.channels // count)
        sizes = [*[each] * (count - 1), x.channels - each * (count - 1)]
    return operators.split(translator.contract, x, axis, sizes, node.name)


def _pad(translator: Translator, node: Foreign) -> Tensor:
    x = translator.value(node)
    plain = node.attributes.get("mode", b"constant") == b"constant" and not translator.has(node, 3)
    need(plain, "another mode", "padding is 0")
    value = translator.constant(node, 2) if translator.has(node, 2) else np.zeros(())
    need(not np.any(value), "it pads with something else", "padding is 0")
    before, after = np.split(translator.constant(node, 1).astype(np.int64), 2)
    return operators.pad(translator.contract, x, before.tolist(), after.tolist(), node.name)


def _transpose(translator: Translator, node: Foreign) -> Tensor:
    x = translator.settled(node)
    return operators.transpose(x, list(node.attributes.get("perm", range(len(x.axes))[::-1])))


def _reshape(translator: Translator, node: Foreign) -> Tensor:
    x, wanted = translator.settled(node), [int(size) for size in translator.constant(node, 1)]
    if not node.attributes.get("allowzero"):
        wanted = [x.foreign_shape[place] if size == 0 else size for place, size in enumerate(wanted)]
    return operators.reshape(x, wanted)


def _flatten(translator: Translator, node: Foreign) -> Tensor:
    need(node.attributes.get("axis", 1) == 1, "another axis than 1", "all but the batch is flattened")
    return operators.reshape(translator.settled(node), [1, -1])


def _squeeze(translator: Translator, node: Foreign) -> Tensor:
    x = translator.settled(node)
    shape, rank = x.foreign_shape, len(x.foreign_shape)
    axes = {int(axis) % rank for axis in translator.constant(node, 1)} if translator.has(node, 1) else set()
    dropped = axes or {axis for axis, size in enumerate(shape) if size == 1 and axis}
    return operators.reshape(x, [size for axis, size in enumerate(shape) if axis not in dropped])


def _unsqueeze(translator: Translator, node: Foreign) -> Tensor:
    x = translator.settled(node)
    axes = [int(axis) for axis in translator.constant(node, 1)]
    return operators.reshape(x, list(np.expand_dims(np.empty(x.foreign_shape), tuple(axes)).shape))


def _same(translator: Translator, node: Foreign) -> Tensor:
    need(node.op != "Cast" or node.attributes.get("to") == 1, "a cast to another type", "floats of 32 bits")
    return translator.same(translator.tensors[node.inputs[0]])


def _softmax(translator: Translator, node: Foreign) -> Tensor:
    axis = int(node.attributes.get("axis", -1))
    return arithmetic.softmax(translator.contract, translator.value(node), axis, node.name)


def _moved(translator: Translator, node: Foreign) -> Tensor:
    x = _picture(translator, node)
    kind = "SpaceToDepth" if node.op == "SpaceToDepth" else node.attributes.get("mode", b"DCR").decode()
    need(kind in _MOVES, f"the mode {kind}", "the modes are DCR and CRD")
    return _MOVES[kind](translator.contract, x, int(node.attributes["blocksize"]), node.name)


def _resize(translator: Translator, node: Foreign) -> Tensor:
    x = translator.value(node)
    need(node.attributes.get("mode", b"nearest") == b"nearest", "another mode than nearest", "pixels are repeated")
    way = node.attributes.get("coordinate_transformation_mode", b"half_pixel")
    need(way in (b"asymmetric", b"half_pixel", b"half_pixel_symmetric", b"pytorch_half_pixel"), "another way", _ONE)
    shape = np.array(x.foreign_shape, np.float64)
    if translator.has(node, 3):
        scales = translator.constant(node, 3) / shape
    else:
        scales = translator.constant(node, 2).astype(np.float64)
    need(way != b"asymmetric" or node.attributes.get("nearest_mode") == b"floor", "it rounds otherwise", "floor")
    by_axis = {x.axes[place]: float(scale) for place, scale in enumerate(scales)}
    whole = all(scale == int(scale) and (axis in (H, W) or scale == 1) for axis, scale in by_axis.items())
    need(whole, f"scales {scales.tolist()}", "rows and columns grow by a whole factor")
    return operators.enlarge(translator.contract, x, (int(by_axis[H]), int(by_axis[W])), node.name)


def _shape(translator: Translator, node: Foreign) -> Tensor:
    return np.array(translator.value(node).foreign_shape, np.int64)


OPERATORS: dict[str, Operator] = {
    **dict.fromkeys(("Add", "Div", "Max", "Min", "Mul", "Sub"), _two),
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": _same,
    "Concat": _concat,
    "Conv": _conv,
    "DepthToSpace": _moved,
    "Dropout": _same,
    "Flatten": _flatten,
    "Gemm": _matrix,
    "GlobalAveragePool": _global_mean,
    "Identity": _same,
    "LeakyRelu": _leaky,
    "MatMul": _matrix,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "ReduceMean": _mean,
    "Relu": _relu,
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": _shape,
    "Softmax": _softmax,
    "SpaceToDepth": _moved,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
