"""QONNX: its quantizers in standard operators, so that any ONNX runtime computes a graph that has them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dlk.frontends.values import RefusedError

DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")


def limits(bits: int, *, signed: bool, narrow: bool) -> tuple[int, int]:
    """Return the least and the largest integer of ``Quant``; bits is at least 1."""
    if signed:
        return -(1 << (bits - 1)) + narrow, (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1 - narrow


def expanded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy in which ``Quant`` and ``BipolarQuant`` are written in standard operators; float32 throughout."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            constants.update((node.output[0], entry.t) for entry in node.attribute if entry.name == "value")
    del copy.graph.node[:]
    for number, node in enumerate(model.graph.node):
        if node.domain in DOMAINS and node.op_type == "Quant":
            bits = int(numpy_helper.to_array(constants[node.input[3]]).reshape(-1)[0])
            copy.graph.node.extend(_quant(node, f"qonnx{number}", max(bits, 1)))
        elif node.domain in DOMAINS and node.op_type == "BipolarQuant":
            copy.graph.node.extend(_bipolar(node, f"qonnx{number}"))
        else:
            copy.graph.node.append(node)
    return copy


def _quant(node: onnx.NodeProto, name: str, bits: int) -> Iterator[onnx.NodeProto]:
    facts = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    x, scale, zero = node.input[:3]
    low, high = limits(bits, signed=bool(facts.get("signed", 1)), narrow=bool(facts.get("narrow", 0)))
    for end, value in (("low", low), ("high", high)):
        yield _constant(f"{name}_{end}", value)
    yield helper.make_node("Div", [x, scale], [f"{name}_share"], f"{name}_share")
    yield helper.make_node("Add", [f"{name}_share", zero], [f"{name}_moved"], f"{name}_moved")
    if facts.get("rounding_mode", b"ROUND").upper() == b"HALF_UP":
        yield _constant(f"{name}_half", 0.5)
        yield helper.make_node("Add", [f"{name}_moved", f"{name}_half"], [f"{name}_raised"], f"{name}_raised")
        yield helper.make_node("Floor", [f"{name}_raised"], [f"{name}_whole"], f"{name}_whole")
    else:
        yield helper.make_node("Round", [f"{name}_moved"], [f"{name}_whole"], f"{name}_whole")
    ends = [f"{name}_whole", f"{name}_low", f"{name}_high"]
    yield helper.make_node("Clip", ends, [f"{name}_inside"], f"{name}_inside")
    yield helper.make_node("Sub", [f"{name}_inside", zero], [f"{name}_back"], f"{name}_back")
    yield helper.make_node("Mul", [f"{name}_back", scale], [node.output[0]], f"{name}_value")


def _bipolar(node: onnx.NodeProto, name: str) -> Iterator[onnx.NodeProto]:
    x, scale = node.input
    yield _constant(f"{name}_zero", 0)
    yield helper.make_node("GreaterOrEqual", [x, f"{name}_zero"], [f"{name}_up"], f"{name}_up")
    yield helper.make_node("Neg", [scale], [f"{name}_minus"], f"{name}_minus")
    yield helper.make_node("Where", [f"{name}_up", scale, f"{name}_minus"], [node.output[0]], f"{name}_value")


def _constant(name: str, value: float) -> onnx.NodeProto:
    tensor = helper.make_tensor(name, TensorProto.FLOAT, [], [float(value)])
    return helper.make_node("Constant", [], [name], name, value=tensor)


class Signed(np.ndarray):
    """A kernel float32 of signs -1, 0, +1 and a scale: ``signs`` int8 of its shape, ``scale`` that fits beside it."""

    signs: np.ndarray
    scale: np.ndarray

    def __array_finalize__(self, source: object) -> None:
        self.signs = getattr(source, "signs", np.zeros(0, np.int8))
        self.scale = getattr(source, "scale", np.zeros(0))

    def turned(self, perm: list[int]) -> Signed:
        """Return it with its axes in another order."""
        return signed(self.signs.transpose(perm), np.broadcast_to(self.scale, self.signs.shape).transpose(perm))

    def as_window(self) -> Signed:
        """Return a matrix [O, I] as a kernel [O, I, 1, 1]."""
        return signed(self.signs[..., None, None], np.broadcast_to(self.scale, self.signs.shape)[..., None, None])


def signed(signs: np.ndarray, scale: np.ndarray) -> Signed:
    """Return a kernel of signs and a scale; RefusedError for other integers than -1, 0, +1."""
    if not np.isin(signs, (-1, 0, 1)).all():
        raise RefusedError(f"weights from {signs.min()} to {signs.max()}", "weights have 1 bit, or are -1, 0 and +1")
    if not np.all(np.isfinite(scale) & (scale > 0)):
        raise RefusedError("a scale that is not positive", "a scale is positive and finite")
    made = (signs * scale).astype(np.float32).view(Signed)
    made.signs, made.scale = signs.astype(np.int8), scale.astype(np.float64)
    return made
