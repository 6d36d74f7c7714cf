"""sink_dequantize, quantize_convolutions and freeze_float_kernels: from values to codes and integers."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from graphs import run_onnx
from hand import Hand
from onnx_ir.passes import PostconditionError

from dlk.ir.check import check
from dlk.ir.edit import array, nodes
from dlk.ir.ops import identifier
from dlk.passes.freeze_float_kernels import FreezeFloatKernels
from dlk.passes.quantize_convolutions import QuantizeConvolutions
from dlk.passes.sink_dequantize import SinkDequantize

RNG = np.random.default_rng(4)
X = RNG.uniform(-1, 4, (4, 4, 4)).astype(np.float32)


def quantized(hand: Hand, bits: int = 2, max_value: float = 3.0):
    codes = hand.node("dlk.Quantize", [hand.x], "conv1/quantize", "conv1/codes", bits=bits, max_value=max_value)
    return hand.dequantize(codes, "conv1", bits, max_value)


def binary_kernel(hand: Hand, scale: list[float], shape: tuple[int, ...], signs: tuple[int, ...] = (-1, 1)):
    sign = hand.constant("conv2/sign", RNG.choice(signs, shape).astype(np.int8))
    scales = hand.constant("conv2/scale", np.array(scale, np.float64).reshape(1, 1, 1, -1))
    return hand.node("dlk.BinaryKernel", [sign, scales], "conv2/binary_kernel")


def test_codes_pass_a_chain_of_moves() -> None:
    """Quantize -> Dequantize -> s2d -> d2s -> s2d: the dequantisation goes to the end."""
    hand = Hand(X.shape)
    x = quantized(hand)
    for index, op in enumerate(("SpaceToDepth", "DepthToSpace", "SpaceToDepth")):
        x = hand.node(f"dlk.{op}", [x], f"move{index}", blocksize=2)
    model = hand.model(x)
    (before,) = run_onnx(model, X)
    SinkDequantize()(model)
    check(model)
    assert [node.op_type for node in model.graph][-2:] == ["SpaceToDepth", "Dequantize"]
    assert len(nodes(model, "dlk.Dequantize")) == 1
    assert np.array_equal(run_onnx(model, X)[0], before)


def test_two_readers_of_the_values() -> None:
    """One move reads the values, the graph's output is another reader's: both stay right."""
    hand = Hand(X.shape)
    x = quantized(hand)
    deep = hand.node("dlk.SpaceToDepth", [x], "s2d", blocksize=2)
    hand.node("dlk.DepthToSpace", [x], "d2s", blocksize=2)
    model = hand.model(deep)
    (before,) = run_onnx(model, X)
    SinkDequantize()(model)
    check(model)
    assert np.array_equal(run_onnx(model, X)[0], before)


@pytest.mark.parametrize("facts", [{}, {"strides": [2, 2], "pads": [0, 2, 1, 0]}], ids=["same", "strided"])
@pytest.mark.parametrize("signs", [(-1, 1), (-1, 0, 1)], ids=["binary", "ternary"])
@pytest.mark.parametrize("window", [(1, 1), (3, 3), (2, 3)])
def test_convolution_of_codes(window: tuple[int, int], signs: tuple[int, ...], facts: dict) -> None:
    """Codes of value 0..3 and scales that are powers of two: every number is exact before and after."""
    hand = Hand(X.shape)
    values = quantized(hand)
    kernel = binary_kernel(hand, [0.5, 2, 1, 0.25, 0], (*window, 4, 5), signs)
    x = hand.node("dlk.Conv", [values, kernel], "conv2/conv", **facts)
    one = np.ones(5)
    x = hand.norm(x, "conv2", epsilon=0.0, gamma=one, beta=0 * one, mean=0 * one, variance=one)
    model = hand.model(hand.node("Cast", [x], "conv2/cast", to=1))
    (before,) = run_onnx(model, X)
    QuantizeConvolutions()(model)
    check(model)
    assert not nodes(model, "dlk.Conv", "dlk.Dequantize", "dlk.BinaryKernel")
    (conv,) = nodes(model, "dlk.QuantConv")
    assert all(list(conv.attributes[key].value) == value for key, value in facts.items())
    assert np.array_equal(run_onnx(model, X)[0], before)
    assert array(model.graph.initializers["conv2/factor"]).tolist() == [0.5, 2, 1, 0.25, 0]


def test_the_factor_multiplies_the_quotient() -> None:
    top = float(np.float32(1.3))
    assert 0.1 * (top / 3) != 0.1 * top / 3  # the order is part of the definition
    hand = Hand(X.shape)
    values = quantized(hand, max_value=top)
    x = hand.node("dlk.Conv", [values, binary_kernel(hand, [0.1, 0.7], (1, 1, 4, 2))], "conv2/conv")
    two = np.ones(2)
    x = hand.norm(x, "conv2", gamma=two, beta=two, mean=two, variance=two)
    model = hand.model(hand.node("Cast", [x], "conv2/cast", to=1))
    QuantizeConvolutions()(model)
    assert array(model.graph.initializers["conv2/factor"]).tolist() == [0.1 * (top / 3), 0.7 * (top / 3)]


def test_a_float_kernel_on_codes_computes_with_their_values() -> None:
    hand = Hand(X.shape)
    kernel = hand.constant("conv2/kernel", np.ones((1, 1, 4, 2), np.float32))
    model = hand.model(hand.node("dlk.Conv", [quantized(hand), kernel], "conv2/conv"))
    assert not QuantizeConvolutions()(model).modified


class Idle(QuantizeConvolutions):
    def rewrite(self, model: ir.Model) -> bool:
        return False


def test_a_binary_kernel_on_codes_is_not_left_behind() -> None:
    hand = Hand(X.shape)
    x = hand.node("dlk.Conv", [quantized(hand), binary_kernel(hand, [0.1, 0.7], (1, 1, 4, 2))], "conv2/conv")
    with pytest.raises(PostconditionError, match="conv2/conv"):
        Idle()(hand.model(x))


def test_a_binary_kernel_on_floats_is_stored() -> None:
    hand = Hand(X.shape)
    model = hand.model(hand.node("dlk.Conv", [hand.x, binary_kernel(hand, [0.1, 0.3], (3, 3, 4, 2))], "conv2/conv"))
    (before,) = run_onnx(model, X)
    sign = array(model.graph.initializers["conv2/sign"])
    FreezeFloatKernels()(model)
    check(model)
    kernel = array(model.graph.initializers["conv2/float_kernel"])
    assert np.array_equal(kernel, np.where(sign > 0, 1, -1) * np.array([0.1, 0.3]).astype(np.float32))
    assert [identifier(node) for node in model.graph] == ["dlk.Conv"]
    assert np.array_equal(run_onnx(model, X)[0], before)


def test_subnormal_weights_become_zero() -> None:
    tiny = np.finfo(np.float32).tiny
    weights = np.array([1.0, tiny, -tiny, tiny / 2, -tiny / 2, -0.0, 1e-45, -3.0], np.float32).reshape(1, 1, 4, 2)
    hand = Hand(X.shape)
    model = hand.model(hand.node("dlk.Conv", [hand.x, hand.constant("conv1/kernel", weights)], "conv1/conv"))
    FreezeFloatKernels()(model)
    kernel = array(model.graph.initializers["conv1/float_kernel"]).ravel()
    assert kernel.tolist() == [1.0, tiny, -tiny, 0, 0, 0, 0, -3.0]
    assert not np.signbit(kernel[3:7]).any()
