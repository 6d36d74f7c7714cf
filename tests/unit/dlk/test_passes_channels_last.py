from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest
from graphs import run_onnx
from hand import Hand
from onnx_ir.passes import PostconditionError

from dlk.errors import InternalError
from dlk.ir.check import check
from dlk.ir.ops import identifier
from dlk.passes.channels_last import TO_NCHW, TO_NHWC, ChannelsLast

RNG = np.random.default_rng(3)
X = RNG.integers(-4, 5, (4, 6, 3)).astype(np.float32)


def ops(model) -> list[str]:
    return [identifier(node) for node in model.graph]


@pytest.mark.parametrize("k", [1, 3])
def test_convolution(k: int) -> None:
    """Transpose -> Conv -> Transpose becomes Conv."""
    hand = Hand(X.shape)
    x = hand.node("Transpose", [hand.x], "in", perm=TO_NCHW)
    kernel = hand.constant("conv1/kernel", RNG.integers(-3, 4, (5, 3, k, k)).astype(np.float32))
    x = hand.node("Conv", [x, kernel], "conv1/conv", kernel_shape=[k, k], pads=[k // 2] * 4)
    model = hand.model(hand.node("Transpose", [x], "out", perm=TO_NHWC))
    (before,) = run_onnx(model, X)
    ChannelsLast()(model)
    check(model)
    assert ops(model) == ["dlk.Conv"]
    assert np.array_equal(run_onnx(model, X)[0], before)  # small integers: exact in any order


@pytest.mark.parametrize("op", ["SpaceToDepth", "DepthToSpace"])
def test_moves_keep_the_order_of_channels(op: str) -> None:
    """Transpose -> move -> Transpose becomes move."""
    values = np.arange(4 * 6 * 12, dtype=np.float32).reshape(4, 6, 12)
    hand = Hand(values.shape)
    x = hand.node("Transpose", [hand.x], "in", perm=TO_NCHW)
    x = hand.node(op, [x], "move", blocksize=2)
    model = hand.model(hand.node("Transpose", [x], "out", perm=TO_NHWC))
    (before,) = run_onnx(model, values)
    ChannelsLast()(model)
    check(model)
    assert ops(model) == [f"dlk.{op}"]
    assert np.array_equal(run_onnx(model, values)[0], before)


def nchw(hand: Hand) -> ir.Value:
    return hand.node("Transpose", [hand.x], "in", perm=TO_NCHW)


def strided(hand: Hand) -> ir.Value:
    kernel = hand.constant("conv1/kernel", RNG.integers(-3, 4, (5, 3, 2, 3)).astype(np.float32))
    facts = {"kernel_shape": [2, 3], "strides": [2, 2], "pads": [1, 0, 0, 2]}
    return hand.node("Conv", [nchw(hand), kernel], "conv1/conv", **facts)


def left_to_onnx(hand: Hand) -> ir.Value:
    kernel = hand.constant("conv1/kernel", RNG.integers(-3, 4, (5, 3, 2, 3)).astype(np.float32))
    return hand.node("Conv", [nchw(hand), kernel], "conv1/conv", kernel_shape=[2, 3])


def pool(hand: Hand) -> ir.Value:
    facts = {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 1, 2, 0]}
    return hand.node("MaxPool", [nchw(hand)], "pool1", **facts)


def concat(hand: Hand) -> ir.Value:
    x = nchw(hand)
    pooled = hand.node("MaxPool", [x], "pool1", kernel_shape=[1, 1])
    return hand.node("Concat", [pooled, x], "concat1", axis=1)


def split(hand: Hand) -> ir.Value:
    sizes = hand.constant("split1/split", np.array([1, 2]))
    return hand.parts("Split", [nchw(hand), sizes], "split1", 2, axis=-3)[1]


def equal_split(hand: Hand) -> ir.Value:
    return hand.parts("Split", [nchw(hand)], "split1", 2, axis=1, num_outputs=2)[0]


def pad(hand: Hand) -> ir.Value:
    pads = hand.constant("pad1/pads", np.array([0, 1, 2, 3, 0, 4, 5, 6]))
    return hand.node("Pad", [nchw(hand), pads], "pad1")


TURNED = {
    strided: ["dlk.Conv"],
    left_to_onnx: ["dlk.Conv"],
    pool: ["dlk.MaxPool"],
    concat: ["dlk.MaxPool", "Concat"],
    split: ["Split"],
    equal_split: ["Split"],
    pad: ["dlk.Pad"],
}


@pytest.mark.parametrize("make", TURNED, ids=lambda make: make.__name__)
def test_windows_joins_and_paddings(make: Callable[[Hand], ir.Value]) -> None:
    """Transpose -> op -> Transpose becomes op, on axes in another order."""
    hand = Hand(X.shape)
    model = hand.model(hand.node("Transpose", [make(hand)], "out", perm=TO_NHWC))
    (before,) = run_onnx(model, X)
    ChannelsLast()(model)
    check(model)
    assert ops(model) == TURNED[make]
    assert np.array_equal(run_onnx(model, X)[0], before)


def test_a_value_with_several_readers() -> None:
    """in -> split -> (second, first) -> concat, and the input itself beside them."""
    hand = Hand(X.shape)
    x = nchw(hand)
    parts = hand.parts("Split", [x], "split1", 3, axis=1, num_outputs=3)
    x = hand.node("Concat", [parts[2], x, parts[0], parts[2]], "concat1", axis=1)
    model = hand.model(hand.node("Transpose", [x], "out", perm=TO_NHWC))
    ChannelsLast()(model)
    check(model)
    assert np.array_equal(run_onnx(model, X)[0], X[..., [2, 0, 1, 2, 0, 2]])


class Forgets(ChannelsLast):
    """Takes a node for turned that is not."""

    def rewrite(self, model: ir.Model) -> bool:
        """Turn everything but the axis."""
        super().rewrite(model)
        node = next(node for node in model.graph if node.op_type == "Concat")
        node.attributes.add(ir.AttrInt64("axis", 1))
        return True


def test_channels_that_are_joined_on_the_old_axis_are_found() -> None:
    hand = Hand((3, 3, 3))  # so that every axis would do
    model = hand.model(hand.node("Transpose", [concat(hand)], "out", perm=TO_NHWC))
    with pytest.raises(PostconditionError, match="concat1 is still NCHW"):
        Forgets()(model)


def test_normalisation_and_quantizer() -> None:
    """The norm feeds the quantizer in float64 directly; without a quantizer it is cast to float32."""
    vectors = {"gamma": [1, -2, 0.5], "beta": [0, 1, 2], "mean": [1, 0, -1], "variance": [1, 4, 9]}
    hand = Hand(X.shape)
    x = hand.node("Transpose", [hand.x], "in", perm=TO_NCHW)
    x = hand.norm(x, op="BatchNormalization", **vectors)
    model = hand.model(hand.node("Transpose", [x], "out", perm=TO_NHWC))
    (before,) = run_onnx(model, X)
    ChannelsLast()(model)
    check(model)
    assert ops(model) == ["dlk.BatchNorm", "Cast"]
    # float32 in the exported graph, float64 here.
    np.testing.assert_allclose(run_onnx(model, X)[0], before, rtol=1e-5, atol=1e-6)

    hand = Hand(X.shape)
    x = hand.node("Transpose", [hand.x], "in", perm=TO_NCHW)
    x = hand.norm(x, op="BatchNormalization", **vectors)
    x = hand.node("dlk.Quantize", [x], "conv1/quantize", "conv1/codes", bits=2, max_value=2.0)
    x = hand.dequantize(x, "conv1")
    model = hand.model(hand.node("Transpose", [x], "out", perm=TO_NHWC))
    (before,) = run_onnx(model, X)
    ChannelsLast()(model)
    check(model)
    assert ops(model) == ["dlk.BatchNorm", "dlk.Quantize", "dlk.Dequantize"]
    assert np.array_equal(run_onnx(model, X)[0], before)


def test_a_value_that_is_not_nchw_is_found() -> None:
    hand = Hand((2, 4, 4))
    x = hand.node("SpaceToDepth", [hand.x], "s2d1", blocksize=2)
    model = hand.model(hand.node("Transpose", [x], "out", perm=TO_NHWC))
    with pytest.raises(InternalError, match="not NCHW"):
        ChannelsLast()(model)
