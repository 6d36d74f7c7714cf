"""The quantizers' forward maps and gradients are those of the specification, number by number."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmnet.quantizers import (
    ACTIVATION_QUANTIZERS,
    WEIGHT_QUANTIZERS,
    BinaryChannelWiseMeanScalingQuantizer,
    BinaryMeanScalingQuantizer,
    LinearMidTreadHalfQuantizer,
)

KERNEL = np.array([[-1.0, 0.0], [0.5, -0.5]], np.float32).reshape(1, 1, 2, 2)
ALL = [make() for make in (*WEIGHT_QUANTIZERS.values(), *ACTIVATION_QUANTIZERS.values())]


def run(quantizer, x, upstream, *, graph):
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = quantizer(x)
        return y, tape.gradient(y, x, upstream)

    y, gradient = (tf.function(both) if graph else both)(tf.constant(x))
    return y.numpy(), gradient.numpy()


def test_one_scale_a_kernel_and_zero_is_positive():
    y, _ = run(BinaryMeanScalingQuantizer(), KERNEL, np.ones_like(KERNEL), graph=False)
    assert y.reshape(2, 2).tolist() == [[-0.5, 0.5], [0.5, -0.5]]


def test_one_scale_an_output_channel():
    y, _ = run(BinaryChannelWiseMeanScalingQuantizer(), KERNEL, np.ones_like(KERNEL), graph=False)
    assert y.reshape(2, 2).tolist() == [[-0.75, 0.25], [0.75, -0.25]]


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("quantizer", ALL[:2], ids=lambda q: type(q).__name__)
def test_weight_gradient_passes_unchanged(quantizer, graph):
    upstream = np.array([3.0, -2.0, 0.25, 7.0], np.float32).reshape(KERNEL.shape)
    _, gradient = run(quantizer, KERNEL * 100, upstream, graph=graph)
    assert np.array_equal(gradient, upstream)


@pytest.mark.parametrize("graph", [False, True])
def test_activation_levels_and_gradient(graph):
    x = np.array([-1, 0, 0.33, 1 / 3 + 1e-6, 0.99, 1, 1.6, 5 / 3 + 1e-6, 2, 3], np.float32)
    upstream = np.arange(1, 11, dtype=np.float32)
    y, gradient = run(LinearMidTreadHalfQuantizer(2, 2.0), x, upstream, graph=graph)
    assert np.allclose(y, np.array([0, 0, 0, 2, 2, 4, 4, 6, 6, 6]) / 3, rtol=1e-6)
    assert gradient.tolist() == [0, 0, 3, 4, 5, 6, 7, 8, 0, 0]


def test_the_gradient_has_the_type_of_the_activation():
    x = tf.constant([-1.0, 1.0, 3.0], tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = LinearMidTreadHalfQuantizer()(x)
    gradient = tape.gradient(y, x)
    assert (y.dtype, gradient.dtype) == (tf.bfloat16, tf.bfloat16)
    assert gradient.numpy().tolist() == [0, 1, 0]


@pytest.mark.parametrize(("bits", "max_value"), [(1, 1.0), (2, 2.0), (3, 0.7), (4, 6.0)])
def test_codes_undo_the_levels(bits, max_value):
    quantizer = LinearMidTreadHalfQuantizer(bits, max_value)
    codes = np.arange(2**bits)
    y = quantizer(tf.constant(codes / quantizer.levels * max_value, tf.float32)).numpy()
    assert quantizer.codes(y).tolist() == codes.tolist()
    assert len(np.unique(y)) == 2**bits


@pytest.mark.parametrize("quantizer", ALL, ids=lambda q: type(q).__name__)
def test_numpy_twin_computes_the_same(quantizer):
    x = np.random.default_rng(0).normal(0, 1.5, (3, 3, 8, 16)).astype(np.float32)
    assert np.allclose(quantizer(tf.constant(x)).numpy(), quantizer.reference(x), rtol=1e-6, atol=0)


@pytest.mark.parametrize("quantizer", ALL, ids=lambda q: type(q).__name__)
def test_saved_and_loaded(quantizer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(quantizer))
    assert type(again) is type(quantizer)
    assert again.get_config() == quantizer.get_config()
    assert again.bits == quantizer.bits


@pytest.mark.parametrize("arguments", [{"bits": 0}, {"max_value": 0.0}, {"max_value": -1.0}])
def test_senseless_activation_is_refused(arguments):
    with pytest.raises(ValueError, match="Expected bits >= 1"):
        LinearMidTreadHalfQuantizer(**arguments)
