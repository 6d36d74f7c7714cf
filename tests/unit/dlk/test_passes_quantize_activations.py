from __future__ import annotations

import numpy as np
import pytest
from graphs import run_onnx
from hand import Hand

from dlk.ir.check import check
from dlk.passes.quantize_activations import QUANTIZER, QuantizeActivations


@pytest.mark.parametrize(("bits", "max_value"), [(1, 1.0), (2, 2.0), (4, 1.3)])
def test_the_values_are_the_same_and_codes_appear(bits: int, max_value: float) -> None:
    """x -> quantizer -> output."""
    hand = Hand((4, 5, 6))
    out = hand.node(QUANTIZER, [hand.x], "conv1/activation_quantizer", bits=bits, max_value=max_value)
    model = hand.model(out)
    x = np.random.default_rng(2).uniform(-1, max_value + 1, (4, 5, 6)).astype(np.float32)
    (before,) = run_onnx(model, x)
    assert QuantizeActivations()(model).modified
    check(model)
    after, codes = run_onnx(model, x, ("output", "conv1/codes"))
    assert codes.dtype == np.uint8
    assert np.array_equal(codes, np.rint(before.astype(np.float64) * (2**bits - 1) / max_value))
    # The exported function divides and multiplies in float32, the table is rounded once: one ulp may differ.
    np.testing.assert_array_max_ulp(after, before, maxulp=2)


def test_halves_round_up_and_ends_saturate() -> None:
    """Bits 2, max 3: code k is the value k, and the ties at k + 0.5 are exact."""
    hand = Hand((1, 2, 4))
    model = hand.model(hand.node(QUANTIZER, [hand.x], "conv1/activation_quantizer", bits=2, max_value=3.0))
    QuantizeActivations()(model)
    x = np.array([-9, -0.5, 0.5, 1.5, 2.5, np.nextafter(np.float32(0.5), np.float32(0)), 3.5, 9], np.float32)
    _, codes = run_onnx(model, x.reshape(1, 2, 4), ("output", "conv1/codes"))
    assert codes.ravel().tolist() == [0, 0, 1, 2, 3, 0, 3, 3]
