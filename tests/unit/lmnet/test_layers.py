"""The layers compute what plain numpy loops compute."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from lmnet.layers import DepthToSpace, QuantizedConv2D, SpaceToDepth
from lmnet.quantizers import BinaryMeanScalingQuantizer


def test_space_to_depth_channel_order():
    x = np.arange(2 * 4 * 6 * 3, dtype=np.float32).reshape(2, 4, 6, 3)
    y = np.asarray(SpaceToDepth(2)(x))
    assert y.shape == (2, 2, 3, 12)
    for row, column in np.ndindex(2, 2):
        first = (row * 2 + column) * 3
        assert np.array_equal(y[..., first : first + 3], x[:, row::2, column::2])


def test_depth_to_space_is_the_inverse():
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 8)).astype(np.float32)
    assert np.array_equal(np.asarray(SpaceToDepth(2)(DepthToSpace(2)(x))), x)


@pytest.mark.parametrize("side", [1, 3])
def test_convolution_pads_with_zeros(side):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 4, (1, 5, 4, 3)).astype(np.float32)
    layer = QuantizedConv2D(2, side, kernel_quantizer=BinaryMeanScalingQuantizer())
    layer.build(x.shape)
    layer.set_weights([np.where(rng.random((side, side, 3, 2)) < 0.5, -1.0, 1.0).astype(np.float32)])
    (kernel,) = layer.get_weights()
    half = side // 2
    padded = np.pad(x, ((0, 0), (half, half), (half, half), (0, 0)))
    expected = np.zeros((1, 5, 4, 2))
    for row, column in np.ndindex(5, 4):
        expected[0, row, column] = np.tensordot(padded[0, row : row + side, column : column + side], kernel, 3)
    assert np.array_equal(np.asarray(layer(x)), expected)


def test_quantizer_sees_the_float32_weight_under_mixed_precision():
    seen = []

    class Spy(BinaryMeanScalingQuantizer):
        def __call__(self, x):
            seen.append(np.asarray(x))
            return super().__call__(x)

    layer = QuantizedConv2D(2, 3, kernel_quantizer=Spy(), dtype="mixed_bfloat16")
    x = np.ones((1, 4, 4, 3), np.float32)
    layer.build(x.shape)
    seen.clear()
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    (master,) = layer.get_weights()
    assert seen[0].dtype == np.float32
    assert np.array_equal(seen[0], master), "not rounded to bfloat16 on the way"


def test_layer_survives_its_config():
    layer = QuantizedConv2D(4, 3, kernel_quantizer=BinaryMeanScalingQuantizer(), name="conv")
    again = QuantizedConv2D.from_config(layer.get_config())
    assert isinstance(again.kernel_quantizer, BinaryMeanScalingQuantizer)
    assert again.get_config() == layer.get_config()
    assert QuantizedConv2D.from_config(QuantizedConv2D(4, 3).get_config()).kernel_quantizer is None
