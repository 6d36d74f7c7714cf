from __future__ import annotations

import numpy as np
import pytest
from graphs import EPSILON, run_onnx
from hand import Hand

from dlk.errors import DlkError
from dlk.ir.check import check
from dlk.ir.edit import array
from dlk.ir.ops import identifier
from dlk.passes.fold_affine import FoldAffine

RNG = np.random.default_rng(7)
NORM = {"gamma": [1.0, -1.5, 0.0], "beta": [0.5, 1.2, -0.0], "mean": [0.3, -0.2, 5.0], "variance": [1.0, 2.0, 0.5]}


def build(norm: dict, *, integer: bool):
    hand = Hand((4, 4, 4))
    if integer:
        x = hand.node("dlk.Quantize", [hand.x], "conv1/quantize", "conv1/codes", bits=2, max_value=2.0)
        sign = hand.constant("conv2/sign", RNG.choice([-1, 1], (3, 3, 4, 3)).astype(np.int8))
        x = hand.node("dlk.QuantConv", [x, sign], "conv2/conv")
        x = hand.node("dlk.Rescale", [x, hand.constant("conv2/factor", np.array([0.1, 0.2, 0.3]))], "conv2/rescale")
    else:
        kernel = hand.constant("conv2/kernel", RNG.standard_normal((3, 3, 4, 3)).astype(np.float32))
        x = hand.node("dlk.Conv", [hand.x, kernel], "conv2/conv")
    x = hand.norm(x, "conv2", **norm)
    return hand.model(hand.node("Cast", [x], "conv2/cast", to=1))


@pytest.mark.parametrize("integer", [True, False])
def test_the_layer_becomes_one_node(integer: bool) -> None:
    model = build(NORM, integer=integer)
    x = RNG.uniform(-1, 3, (4, 4, 4)).astype(np.float32)
    (before,) = run_onnx(model, x)
    FoldAffine()(model)
    check(model)
    assert identifier(list(model.graph)[-1]) == ("dlk.QuantConvAffine" if integer else "dlk.FloatConvAffine")
    # Before, all is float64 and rounded at the end; after, A and B are rounded, then the product and the sum.
    np.testing.assert_allclose(run_onnx(model, x)[0], before, rtol=1e-5, atol=1e-5)


def test_constants_are_rounded_once() -> None:
    model = build(NORM, integer=True)
    FoldAffine()(model)
    a, b = (array(model.graph.initializers[f"conv2/{key}"]) for key in "ab")
    for channel, factor in enumerate((0.1, 0.2, 0.3)):
        gamma, beta, mean, variance = (float(np.float32(NORM[key][channel])) for key in NORM)
        spread = float(np.sqrt(variance + EPSILON))
        assert a[channel] == np.float32(factor * gamma / spread)
        assert b[channel] == np.float32(beta - mean * gamma / spread)
    assert not np.signbit(b[2])  # beta is -0


def test_numbers_beyond_float32_are_refused() -> None:
    huge = {**NORM, "gamma": [3e38, 1, 1], "variance": [0, 1, 1], "mean": [1e3, 0, 0]}
    with pytest.raises(DlkError, match="too large") as caught:
        FoldAffine()(build(huge, integer=False))
    assert caught.value.where == "conv2"
