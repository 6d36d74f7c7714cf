from __future__ import annotations

import numpy as np
import pytest
from graphs import run_onnx
from hand import Hand

from dlk.errors import InternalError
from dlk.ir.check import check
from dlk.ir.edit import array
from dlk.ir.ops import identifier
from dlk.passes.compute_thresholds import ComputeThresholds

RNG = np.random.default_rng(6)
NORM = {
    "gamma": [1.0, -1.5, 0.0, 0.7, 2.0],
    "beta": [0.5, 1.2, 1.0, 0.9, -9.0],
    "mean": [0.3, -0.2, 5.0, 1.0, 0.0],
    "variance": [1.0, 2.0, 0.5, 0.0, 3.0],
}


def integer_layer(hand: Hand, k: int, bits: int, signs: tuple[int, ...] = (-1, 1), **facts: list[int]):
    """Codes of the rounded input -> QuantConv -> Rescale -> BatchNorm -> Quantize."""
    identity = hand.constant("conv1/float_kernel", np.eye(4, dtype=np.float32)[None, None])
    halves = hand.constant("conv1/thresholds", np.tile(np.float32([0.5, 1.5, 2.5]), (4, 1)))
    rising = hand.constant("conv1/directions", np.ones(4, np.int8))
    x = hand.node(
        "dlk.FloatConvThreshold", [hand.x, identity, halves, rising], "conv1/threshold", bits=2, max_value=2.0
    )
    sign = hand.constant("conv2/sign", RNG.choice(signs, (k, k, 4, 5)).astype(np.int8))
    x = hand.node("dlk.QuantConv", [x, sign], "conv2/conv", **facts)
    x = hand.node("dlk.Rescale", [x, hand.constant("conv2/factor", np.linspace(0.05, 0.4, 5))], "conv2/rescale")
    x = hand.norm(x, "conv2", **NORM)
    return hand.node("dlk.Quantize", [x], "conv2/quantize", "conv2/codes", bits=bits, max_value=2.0)


@pytest.mark.parametrize("facts", [{}, {"strides": [2, 2], "pads": [0, 2, 1, 0]}], ids=["same", "strided"])
@pytest.mark.parametrize("signs", [(-1, 1), (-1, 0, 1)], ids=["binary", "ternary"])
@pytest.mark.parametrize(("k", "bits"), [(1, 2), (3, 1), (3, 4), (2, 2)])
def test_integer_layer(k: int, bits: int, signs: tuple[int, ...], facts: dict) -> None:
    hand = Hand((6, 6, 4))
    model = hand.model(hand.dequantize(integer_layer(hand, k, bits, signs, **facts), "conv2", bits))
    x = RNG.uniform(-1, 3, (6, 6, 4)).astype(np.float32)
    (before,) = run_onnx(model, x, ("conv2/codes",))
    ComputeThresholds()(model)
    check(model)
    assert "dlk.QuantConvThreshold" in [identifier(node) for node in model.graph]
    assert np.array_equal(run_onnx(model, x, ("conv2/codes",))[0], before)
    assert len(np.unique(before)) > 1
    assert array(model.graph.initializers["conv2/directions"]).tolist() == [1, -1, 1, 1, 1]


def test_float_layer() -> None:
    """x -> Conv -> BatchNorm -> Quantize; small integers, so that onnxruntime's order of sums is exact too."""
    hand = Hand((6, 6, 4))
    kernel = hand.constant("conv1/kernel", RNG.integers(-2, 3, (3, 3, 4, 5)).astype(np.float32))
    x = hand.norm(hand.node("dlk.Conv", [hand.x, kernel], "conv1/conv"), **NORM)
    x = hand.node("dlk.Quantize", [x], "conv1/quantize", "conv1/codes", bits=2, max_value=2.0)
    model = hand.model(hand.dequantize(x, "conv1"))
    x = RNG.integers(-2, 3, (6, 6, 4)).astype(np.float32)
    before = run_onnx(model, x, ("output", "conv1/codes"))
    ComputeThresholds()(model)
    check(model)
    assert [identifier(node) for node in model.graph] == ["dlk.FloatConvThreshold", "dlk.Dequantize"]
    for old, new in zip(before, run_onnx(model, x, ("output", "conv1/codes")), strict=True):
        assert np.array_equal(old, new)
    assert len(np.unique(before[1])) > 2


def test_a_shared_sum_is_refused() -> None:
    """The normalised values are read twice: folding them into codes would lose them."""
    hand = Hand((2, 2, 4))
    kernel = hand.constant("conv1/kernel", np.ones((1, 1, 4, 5), np.float32))
    normal = hand.norm(hand.node("dlk.Conv", [hand.x, kernel], "conv1/conv"), **NORM)
    x = hand.node("dlk.Quantize", [normal], "conv1/quantize", "conv1/codes", bits=2, max_value=2.0)
    x = hand.dequantize(x, "conv1")
    model = hand.model(x)
    cast = hand.node("Cast", [normal], "conv1/cast", to=1)
    assert cast.dtype == x.dtype
    with pytest.raises(InternalError, match="normalisation"):
        ComputeThresholds()(model)
