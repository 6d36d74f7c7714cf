from __future__ import annotations

import math

import numpy as np
import pytest
from graphs import run_onnx
from hand import Hand

from dlk.ir.check import check
from dlk.ir.edit import array
from dlk.passes.binarize_weights import PER_CHANNEL, PER_TENSOR, BinarizeWeights

KERNEL = np.random.default_rng(5).standard_normal((3, 2, 3, 3)).astype(np.float32)


def graph(quantizer: str, kernel: np.ndarray = KERNEL) -> Hand:
    """x -> Conv(x, quantizer(kernel)) -> output, all NCHW: three rows, two columns."""
    hand = Hand((2, 3, 4))
    weights = hand.node(quantizer, [hand.constant("conv1/kernel", kernel)], "conv1/weight_quantizer")
    hand.out = hand.node("Conv", [hand.x, weights], "conv1/conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    return hand


@pytest.mark.parametrize("quantizer", [PER_TENSOR, PER_CHANNEL])
def test_the_result_is_the_same(quantizer: str) -> None:
    hand = graph(quantizer)
    model = hand.model(hand.out)
    x = np.random.default_rng(1).standard_normal((2, 3, 4)).astype(np.float32)
    (before,) = run_onnx(model, x)
    BinarizeWeights()(model)
    check(model)
    # The exported function takes the mean in float32, the pass in float64: the scale's last bit may differ.
    np.testing.assert_allclose(run_onnx(model, x)[0], before, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("quantizer", "groups"), [(PER_TENSOR, 1), (PER_CHANNEL, 3)])
def test_scales_are_exact_means(quantizer: str, groups: int) -> None:
    hand = graph(quantizer)
    model = hand.model(hand.out)
    BinarizeWeights()(model)
    means = [math.fsum(map(abs, part.ravel().tolist())) / part.size for part in np.split(KERNEL, groups)]
    scale = array(model.graph.initializers["conv1/scale"])
    assert scale.dtype == np.float64
    assert scale.ravel().tolist() == [means[channel * groups // 3] for channel in range(3)]


def test_the_sign_of_zero_is_plus() -> None:
    kernel = np.array([0.0, -0.0, 1e-45, -1e-45, 2.0, -2.0], np.float32).reshape(3, 2, 1, 1)
    hand = Hand((2, 3, 4))
    weights = hand.node(PER_TENSOR, [hand.constant("conv1/kernel", kernel)], "conv1/weight_quantizer")
    out = hand.node("Conv", [hand.x, weights], "conv1/conv", kernel_shape=[1, 1], pads=[0, 0, 0, 0])
    model = hand.model(out)
    BinarizeWeights()(model)
    assert array(model.graph.initializers["conv1/sign"]).ravel().tolist() == [1, 1, 1, -1, 1, -1]


def test_nothing_to_do() -> None:
    hand = Hand((2, 3, 4))
    model = hand.model(hand.node("Relu", [hand.x], "relu"))
    assert not BinarizeWeights()(model).modified
