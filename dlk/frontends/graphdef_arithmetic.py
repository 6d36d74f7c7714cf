"""The operators of TensorFlow that compute with floats: arithmetic, rectifiers, means, matrices."""

from __future__ import annotations

import numpy as np

from dlk.frontends import arithmetic, operators
from dlk.frontends.contract import Kernel
from dlk.frontends.graphdef_operators import Binary, kernel_of, pads_of, scope_of, window_of
from dlk.frontends.translate import Foreign, Operator, Tensor, Translator
from dlk.frontends.values import Value, need

_TWO = {
    "Add": "Add",
    "AddV2": "Add",
    "Maximum": "Max",
    "Minimum": "Min",
    "Mul": "Mul",
    "RealDiv": "Div",
    "Sub": "Sub",
}


def _two(translator: Translator, node: Foreign) -> Tensor:
    return arithmetic.operands(translator, node, _TWO[node.op])


def _relu(translator: Translator, node: Foreign) -> Tensor:
    return arithmetic.rectify(translator.contract, translator.value(node), node.name, alone=translator.alone(node))


def _relu6(translator: Translator, node: Foreign) -> Tensor:
    positive = _relu(translator, node)
    assert isinstance(positive, Value)  # noqa: S101 - a rectifier gives no constant
    return arithmetic.at_most(translator.contract, positive, 6.0, node.name, alone=True)


def _leaky(translator: Translator, node: Foreign) -> Tensor:
    alpha = float(np.float32(node.attributes["alpha"].f)) if "alpha" in node.attributes else 0.2
    return arithmetic.leaky(translator.contract, translator.value(node), alpha, node.name)


def _average_pool(translator: Translator, node: Foreign) -> Tensor:
    x = translator.value(node)
    window, strides = window_of(node, x, "ksize"), window_of(node, x, "strides")
    pads = pads_of(node, x, window, strides)
    return arithmetic.average_pool(translator.contract, x, window, strides, pads, node.name, padded=False)


def _mean(translator: Translator, node: Foreign) -> Tensor:
    axes = [int(axis) for axis in translator.constant(node, 1).reshape(-1)]
    keep = "keep_dims" in node.attributes and bool(node.attributes["keep_dims"].b)
    return arithmetic.mean(translator.contract, translator.value(node), axes, node.name, keep=keep)


def _softmax(translator: Translator, node: Foreign) -> Tensor:
    return arithmetic.softmax(translator.contract, translator.value(node), -1, node.name)


def _matrix(translator: Translator, node: Foreign) -> Tensor:
    x, weights = translator.settled(node), translator.constant(node, 1)
    turned = {key for key in ("transpose_a", "transpose_b") if key in node.attributes and node.attributes[key].b}
    plain = "transpose_a" not in turned and weights.ndim == 2
    need(plain, "another product than x W", "a vector times a constant matrix")
    if isinstance(weights, Binary):
        need(weights.scaling == "tensor", "one scale a channel in a matrix", "a binary matrix has one scale")
    ordered = weights if "transpose_b" in turned else weights.T
    kernel: Kernel = kernel_of(translator, node, ordered[:, :, np.newaxis, np.newaxis], (0, 1, 2, 3))
    return operators.matrix(translator.contract, x, kernel, scope_of(node))


ARITHMETIC: dict[str, Operator] = {
    **dict.fromkeys(_TWO, _two),
    "AvgPool": _average_pool,
    "LeakyRelu": _leaky,
    "MatMul": _matrix,
    "Mean": _mean,
    "Relu": _relu,
    "Relu6": _relu6,
    "Softmax": _softmax,
}
