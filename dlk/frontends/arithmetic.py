"""What both frontends do with floats: rectifiers, arithmetic of tensors, means, softmax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.frontends import operators
from dlk.frontends.contract import Contract
from dlk.frontends.translate import Foreign, Translator
from dlk.frontends.values import C, H, Limit, Norm, Value, W, need


def rectify(contract: Contract, x: Value, name: str, *, alone: bool) -> Value:
    """Return max(x, 0), still open: a quantizer that follows makes it needless."""
    if alone and x.open:
        return replace(x, relu=name)
    return Value(contract.node("Relu", contract.layer(name), contract.finish(x)), x.shape, x.axes)


def at_most(contract: Contract, x: Value, top: float, name: str, *, alone: bool) -> Value:
    """Return min(x, top), still open: a quantizer that follows may make it needless."""
    if alone and not x.finished and x.norm is not None and x.limit is None:
        return replace(x, limit=Limit(top, name))
    ends = np.full(x.channels, top)
    return Value(contract.bounded(contract.finish(x), ends, name, below=False), x.shape, x.axes)


def leaky(contract: Contract, x: Value, alpha: float, name: str) -> Value:
    """Return x above 0, else x * alpha."""
    made = contract.node("LeakyRelu", contract.layer(name), contract.finish(x), alpha=alpha)
    return Value(made, x.shape, x.axes)


def operands(translator: Translator, node: Foreign, op: str) -> Value:
    """Read an operator of two tensors, of which one may be a constant."""
    for index in (0, 1):
        if translator.is_constant(node, index):
            x, alone = translator.value(node, 1 - index), translator.alone(node, 1 - index)
            constant = translator.constant(node, index)
            return with_constant(translator.contract, op, x, constant, node.name, alone=alone, first=index == 0)
    need(op != "Div", "a division by what is no constant", "x / constant")
    return two(translator.contract, op, translator.value(node), translator.value(node, 1), node.name)


def two(contract: Contract, op: str, a: Value, b: Value, name: str) -> Value:
    """Return Add, Sub, Mul, Max or Min of two tensors."""
    same = (a.shape, a.axes) == (b.shape, b.axes) and not a.flat and not b.flat
    need(same, f"tensors of {a.foreign_shape} and {b.foreign_shape}", "two tensors that meet have one shape")
    made = contract.node(op, contract.layer(name), contract.finish(a), contract.finish(b))
    return Value(made, a.shape, a.axes)


def with_constant(
    contract: Contract, op: str, x: Value, constant: NDArray[Any], name: str, *, alone: bool, first: bool
) -> Value:
    """Return op of a tensor and a constant by channel; ``first``: the constant is the first operand."""
    numbers = x.by_channel(constant)
    one, nought = np.ones(x.channels), np.zeros(x.channels)
    if op == "Max" and not numbers.any():
        return rectify(contract, x, name, alone=alone)
    if op == "Min" and np.all(numbers == numbers[0]):
        return at_most(contract, x, float(numbers[0]), name, alone=alone)
    if op in ("Max", "Min"):
        made = contract.bounded(contract.finish(x), numbers, name, below=op == "Max")
        return Value(made, x.shape, x.axes)
    need(op != "Div" or (not first and bool(np.all(numbers != 0))), "a division by what is no constant", "x / constant")
    norms = {
        "Add": lambda: Norm.linear(one, numbers),
        "Sub": lambda: Norm.linear(-one, numbers) if first else Norm.linear(one, -numbers),
        "Mul": lambda: Norm.linear(numbers, nought),
        "Div": lambda: Norm.linear(1 / numbers, nought),
    }
    return operators.linear(contract, x, norms[op](), name, alone=alone)


def average_pool(
    contract: Contract,
    x: Value,
    window: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    name: str,
    *,
    padded: bool,
) -> Value:
    """Return the mean of each window; padded: what lies outside counts as zeros."""
    rows, columns = operators.windows(x.shape[1:], window, strides, pads)
    facts: dict[str, Any] = {
        "kernel_shape": list(window),
        "strides": operators.steps(x.shape[1:], window, strides, pads),
        "pads": list(pads),
        "count_include_pad": int(padded and any(pads)),
    }
    made = contract.node("AveragePool", contract.layer(name), contract.finish(x), **facts)
    return Value(made, (x.channels, rows, columns), x.axes)


def mean(contract: Contract, x: Value, axes: Sequence[int], name: str, *, keep: bool) -> Value:
    """Return the mean over rows and columns; ``keep``: these axes stay, with size 1."""
    found = {x.axis(axis) for axis in axes}
    need(found == {H, W}, f"a mean over axes {list(axes)}", "a mean is over rows and columns")
    whole = average_pool(contract, x, x.shape[1:], (1, 1), (0, 0, 0, 0), name, padded=False)
    whole.axes = x.axes if keep else tuple(axis for axis in x.axes if axis not in (H, W))
    return whole


def softmax(contract: Contract, x: Value, axis: int, name: str) -> Value:
    """Return shares over the channels."""
    need(x.axis(axis) == C, f"axis {axis}", "a softmax is over the channels")
    return Value(contract.node("Softmax", contract.layer(name), contract.finish(x), axis=1), x.shape, x.axes)
