"""Codes stay codes through every op of the table, one graph of three nodes each."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from graphs import run_onnx
from hand import Hand
from onnx_ir.passes import PostconditionError

from dlk.errors import DlkError, InternalError
from dlk.ir.check import check
from dlk.ir.codes import COMMUTING, CodeType, code_type, roots
from dlk.ir.edit import nodes
from dlk.ir.ops import CODES
from dlk.passes.sink_dequantize import SinkDequantize

X = np.random.default_rng(4).uniform(-0.7, 1.6, (4, 6, 4)).astype(np.float32)
TOP = float(np.float32(1.3))


def values(hand: Hand, name: str = "conv1", bits: int = 2, max_value: float = TOP) -> ir.Value:
    """Quantize -> Dequantize; ``conv2`` sees other numbers."""
    x = hand.x
    if name != "conv1":
        x = hand.node("dlk.MaxPool", [x], f"{name}/other", kernel_shape=[2, 2], strides=[1, 1], pads=[1, 1, 0, 0])
    codes = hand.node("dlk.Quantize", [x], f"{name}/quantize", f"{name}/codes", bits=bits, max_value=max_value)
    return hand.dequantize(codes, name, bits, max_value)


def pool(hand: Hand, x: ir.Value, other: ir.Value) -> ir.Value:
    return hand.node("dlk.MaxPool", [x], "it", kernel_shape=[2, 1], strides=[2, 2], pads=[1, 0, 1, 0])


def pad(hand: Hand, x: ir.Value, other: ir.Value) -> ir.Value:
    return hand.node("dlk.Pad", [x], "it", pads=[0, 1, 0, 2, 0, 0, 3, 1])


def deeper(hand: Hand, x: ir.Value, other: ir.Value) -> ir.Value:
    return hand.node("dlk.SpaceToDepth", [x], "it", blocksize=2)


def wider(hand: Hand, x: ir.Value, other: ir.Value) -> ir.Value:
    return hand.node("dlk.DepthToSpace", [x], "it", blocksize=2)


def concat(hand: Hand, x: ir.Value, other: ir.Value) -> ir.Value:
    return hand.node("Concat", [other, x, other], "it", axis=3)


def split(hand: Hand, x: ir.Value, other: ir.Value) -> ir.Value:
    return hand.parts("Split", [x, hand.constant("it/sizes", np.array([1, 3]))], "it", 2, axis=3)[1]


GRAPHS = {
    "dlk.MaxPool": pool,
    "dlk.Pad": pad,
    "dlk.SpaceToDepth": deeper,
    "dlk.DepthToSpace": wider,
    "Concat": concat,
    "Split": split,
}


@pytest.mark.parametrize("op", COMMUTING)
def test_an_op_takes_codes_as_it_takes_values(op: str) -> None:
    hand = Hand(X.shape)
    model = hand.model(GRAPHS[op](hand, values(hand), values(hand, "conv2")))
    (before,) = run_onnx(model, X)
    assert SinkDequantize()(model).modified
    check(model)
    *_, moved, last = model.graph
    assert (moved.name, last.op_type) == ("it", "Dequantize")
    assert {value.dtype for value in moved.outputs} == {CODES}
    assert len(nodes(model, "dlk.Dequantize")) == 1
    assert code_type(moved.outputs[-1]) == CodeType(2, TOP)
    assert np.array_equal(run_onnx(model, X)[0], before)
    assert len(np.unique(before)) == 4


def test_both_parts_of_a_split_stay_codes() -> None:
    """The parts are joined the other way round: through both, and the output reads the values at last."""
    hand = Hand(X.shape)
    parts = hand.parts("Split", [values(hand), hand.constant("it/sizes", np.array([1, 3]))], "it", 2, axis=3)
    model = hand.model(hand.node("Concat", [parts[1], parts[0]], "joined", axis=3))
    (before,) = run_onnx(model, X)
    SinkDequantize()(model)
    check(model)
    assert [node.op_type for node in model.graph] == ["Quantize", "Split", "Concat", "Dequantize"]
    assert np.array_equal(run_onnx(model, X)[0], before)


@pytest.mark.parametrize("op", COMMUTING)
def test_floats_stay_floats(op: str) -> None:
    hand = Hand(X.shape)
    assert not SinkDequantize()(hand.model(GRAPHS[op](hand, hand.x, hand.x))).modified


@pytest.mark.parametrize(("bits", "max_value"), [(3, TOP), (2, 1.5)])
def test_codes_of_different_meaning_are_refused_by_name(bits: int, max_value: float) -> None:
    hand = Hand(X.shape)
    joined = hand.node("Concat", [values(hand), values(hand, "conv2", bits, max_value)], "concat1", axis=3)
    model = hand.model(joined)
    with pytest.raises(DlkError) as caught:
        SinkDequantize().rewrite(model)
    assert caught.value.where == "concat1"
    assert f"2 bits of {TOP}, {bits} bits of {max_value}" in str(caught.value.received)
    assert caught.value.exit_code == 1


def test_codes_and_floats_are_joined_as_values() -> None:
    hand = Hand(X.shape)
    model = hand.model(hand.node("Concat", [hand.x, values(hand)], "concat1", axis=3))
    assert not SinkDequantize()(model).modified


class Lazy(SinkDequantize):
    def rewrite(self, model: ir.Model) -> bool:
        return False


@pytest.mark.parametrize("op", COMMUTING)
def test_what_still_reads_values_is_found(op: str) -> None:
    hand = Hand(X.shape)
    model = hand.model(GRAPHS[op](hand, values(hand), values(hand, "conv2")))
    with pytest.raises(PostconditionError, match="it still reads values"):
        Lazy()(model)


def test_the_roots_of_a_value_that_many_paths_reach() -> None:
    """Each join doubles the paths: only what visits each value once comes to an end."""
    hand = Hand((2, 2, 1))
    first = hand.node("dlk.Quantize", [hand.x], "conv1/quantize", "conv1/codes", bits=1, max_value=1.0)
    second = hand.node("dlk.Quantize", [hand.x], "conv2/quantize", "conv2/codes", bits=1, max_value=1.0)
    x = hand.node("Concat", [second, first], "concat0", axis=3)
    for index in range(1, 15):
        x = hand.node("Concat", [x, x], f"concat{index}", axis=3)
    assert [root.name for root in roots(x)] == ["conv2/codes", "conv1/codes"]
    assert code_type(x) == CodeType(1, 1.0)
    other = hand.node("dlk.Quantize", [hand.x], "conv3/quantize", "conv3/codes", bits=2, max_value=1.0)
    with pytest.raises(InternalError, match="different meaning"):
        code_type(hand.node("Concat", [x, other], "last", axis=3))
