from __future__ import annotations

import numpy as np
import pytest
from graphs import run_onnx
from hand import Hand

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
