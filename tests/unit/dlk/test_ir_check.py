"""Each rule of the graph is broken once, and the error names the node."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest
from graphs import image, run_onnx, segnet
from hand import Hand

from dlk.ir.check import BrokenGraphError, check
from dlk.ir.codes import CodeType, code_type
from dlk.ir.edit import constant
from dlk.ir.ops import BODIES, OPS, function


def layer() -> ir.Model:
    """x -> FloatConvThreshold -> QuantConvThreshold -> Dequantize -> output."""
    hand = Hand((4, 4, 3))
    kernel = hand.constant("conv1/kernel", np.ones((1, 1, 3, 4), np.float32))
    values = hand.constant("conv1/thresholds", np.tile(np.float32([0, 1, 2]), (4, 1)))
    rising = hand.constant("conv1/directions", np.ones(4, np.int8))
    kind = {"bits": 2, "max_value": 2.0}
    x = hand.node("dlk.FloatConvThreshold", [hand.x, kernel, values, rising], "conv1/threshold", **kind)
    sign = hand.constant("conv2/sign", np.ones((3, 3, 4, 4), np.int8))
    levels = hand.constant("conv2/thresholds", np.tile(np.int32([-1, 5, 9]), (4, 1)))
    x = hand.node("dlk.QuantConvThreshold", [x, sign, levels, rising], "conv2/threshold", **kind)
    return hand.model(hand.dequantize(x, "conv2"))


def node(model: ir.Model, index: int) -> ir.Node:
    return list(model.graph)[index]


def fill(model: ir.Model, index: int, operand: int, values: np.ndarray) -> None:
    node(model, index).replace_input_with(operand, constant(model.graph, f"new{operand}", values))


def set_attribute(model: ir.Model, index: int, name: str, value: float | list[int]) -> None:
    node(model, index).attributes.add(ir.convenience.convert_attribute(name, value))


def set_window(model: ir.Model, **facts: list[int]) -> None:
    for name, value in facts.items():
        set_attribute(model, 1, name, value)


BREAKS: dict[str, Callable[[ir.Model], object]] = {
    "its name is empty or taken": lambda m: setattr(node(m, 1), "name", "conv1/threshold"),
    "no such op": lambda m: setattr(node(m, 1), "op_type", "Unheard"),
    "the model has no body": lambda m: m.functions.pop(("dlk", "QuantConvThreshold", "")),
    "is not made before it": lambda m: node(m, 2).append(node(m, 1)),
    "codes is": lambda m: node(m, 1).replace_input_with(0, m.graph.inputs[0]),
    "the attribute bits is missing": lambda m: node(m, 1).attributes.pop("bits"),
    "the attribute max_value is": lambda m: set_attribute(m, 1, "max_value", 2),
    "the attribute colour is unknown": lambda m: set_attribute(m, 1, "colour", 2),
    "its output is": lambda m: setattr(node(m, 1).outputs[0], "shape", ir.Shape([1, 4, 4, 5])),
    "inputs, not": lambda m: node(m, 1).resize_inputs(3),
    "thresholds are": lambda m: fill(m, 1, 2, np.zeros((4, 2), np.int32)),
    "directions are": lambda m: fill(m, 1, 3, np.ones(3, np.int8)),
    "reads 5 channels": lambda m: fill(m, 1, 1, np.ones((3, 3, 5, 4), np.int8)),
    "is larger than the padded image": lambda m: fill(m, 1, 1, np.ones((7, 3, 4, 4), np.int8)),
    "its strides 2 and 1 differ": lambda m: set_window(m, strides=[2, 1], pads=[1, 1, 4, 1]),
    "strides \\[0, 0\\] are not two steps": lambda m: set_window(m, strides=[0, 0]),
    "pads \\[-1, 1, 1, 1\\] are not four widths": lambda m: set_window(m, pads=[-1, 1, 1, 1]),
    "the attribute strides is missing": lambda m: node(m, 1).attributes.pop("strides"),
    "a sign is none of": lambda m: fill(m, 1, 1, np.full((3, 3, 4, 4), 2, np.int8)),
    "a direction is neither": lambda m: fill(m, 1, 3, np.zeros(4, np.int8)),
    "do not follow their direction": lambda m: fill(m, 1, 2, np.tile(np.int32([1, 0, 2]), (4, 1))),
    "is not finite": lambda m: fill(m, 0, 1, np.full((1, 1, 3, 4), np.nan, np.float32)),
    "a threshold is not a number": lambda m: fill(m, 0, 2, np.full((4, 3), np.nan, np.float32)),
    "its codes have another meaning": lambda m: set_attribute(m, 1, "max_value", 1.0),
    "its table is another": lambda m: fill(m, 2, 1, np.zeros(4, np.float32)),
    "nothing makes the graph's output": lambda m: m.graph.remove(node(m, 2)),
    "the graph's output is not float32": lambda m: m.graph.outputs.__setitem__(0, node(m, 1).outputs[0]),
    "one input and one output": lambda m: m.graph.outputs.pop(),
    "does not hold what it declares": lambda m: setattr(node(m, 1).inputs[1], "shape", ir.Shape([1, 1, 4, 4])),
}


def test_the_graph_is_whole_before() -> None:
    check(layer())


@pytest.mark.parametrize("reason", BREAKS)
def test_a_broken_rule_is_told(reason: str) -> None:
    model = layer()
    BREAKS[reason](model)
    with pytest.raises(BrokenGraphError, match=reason) as caught:
        check(model)
    assert caught.value.where


def test_an_op_that_the_stage_does_not_allow() -> None:
    with pytest.raises(BrokenGraphError, match="may not occur") as caught:
        check(layer(), allowed=set(OPS) - {"dlk.QuantConvThreshold"})
    assert caught.value.where == "conv2/threshold"


def test_each_of_our_ops_has_a_body_with_its_operands() -> None:
    ours = {op.name: op for op in OPS.values() if op.domain == "dlk"}
    assert set(BODIES) == set(ours)
    for name, op in ours.items():
        body = function(name)
        assert len(body.inputs) == len(op.operands), name
        assert set(body.attributes) == set(op.attributes), name


def test_the_type_of_codes_is_found_through_moves() -> None:
    hand = Hand((4, 4, 3))
    x = hand.node("dlk.Quantize", [hand.x], "conv1/quantize", bits=3, max_value=0.5)
    for index in range(2):
        x = hand.node("dlk.SpaceToDepth", [x], f"s2d{index}", blocksize=2)
    assert code_type(x) == CodeType(3, 0.5)
    assert code_type(x).values().tolist() == [np.float32(a * 0.5 / 7) for a in range(8)]


def test_the_helper_s_network_runs() -> None:
    exported = segnet()
    assert run_onnx(exported, image(exported))[0].shape == (8, 8, 5)
