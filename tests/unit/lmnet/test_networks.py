"""LmSegnetV1 has the layers, sizes and parameter counts of the specification, and does what its two ends are told."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmnet.errors import LmnetError
from lmnet.layers import QuantizedActivation, QuantizedConv2D, SpaceToDepth
from lmnet.networks import architecture, build, names
from lmnet.networks.facts import blocks
from lmnet.settings import Settings


def settings(**values):
    return Settings(train_path="unused", **({"image_size": (32, 48)} | values))


@pytest.mark.parametrize("name", names())
def test_parameter_counts(name):
    model = build(settings(network=name), 11)
    kernels = [w for w in model.trainable_weights if w.name == "kernel"]
    found = len(kernels), *(sum(int(np.prod(w.shape)) for w in part) for part in (kernels, model.trainable_weights))
    assert (
        found
        == {
            "LmSegnetV1": (11, 2_556_192, 2_559_126),
            "LmUnetV1": (17, 3_703_968, 3_708_456),
        }[name.removesuffix("Quantize")]
    )


@pytest.mark.parametrize("name", names())
def test_multiply_adds_of_the_specification(name):
    found = blocks(build(settings(network=name, image_size=(360, 480)), 11))
    macs, parameters = {
        "LmSegnetV1": (11_703_398_400, 2_559_126),
        "LmUnetV1": (6_045_235_200, 3_708_456),
    }[name.removesuffix("Quantize")]
    assert (sum(block.macs for block in found), sum(block.parameters for block in found)) == (macs, parameters)


@pytest.mark.parametrize(("name", "known"), [("LmSegnetV1", {104}), ("LmUnetV1", {360, 392})])
def test_rows_that_a_pixel_depends_on(name, known):
    model = build(settings(network=name, image_size=(448, 32)), 3)
    model.set_weights([np.abs(weight) for weight in model.get_weights()])  # nothing is added that could cancel
    image = tf.ones((1, 448, 32, 3))
    found = set()
    for row in range(224, 256):
        with tf.GradientTape() as tape:
            tape.watch(image)
            logit = tf.reduce_sum(model(image)[0, row])
        rows = np.flatnonzero(np.asarray(tape.gradient(logit, image)).any((0, 2, 3)))
        assert 0 < rows[0] < row < rows[-1] < 447
        found.add(int(rows[-1] - rows[0] + 1))
    assert found == known


def test_bits_of_kernels_and_activations_stay_what_they_are_where_values_only_move():
    found = {block.name: block for block in blocks(build(settings(network="LmUnetV1Quantize", activation_bits=3), 5))}
    conv2, join3 = found["conv2"], found["join3"]
    assert list(found)[:5] == ["s2d1", "conv1", "s2d2", "conv2", "conv3"]
    assert (found["conv1"].weight_bits, conv2.weight_bits, join3.weight_bits) == (32, 1, None)
    assert (found["s2d1"].activation_bits, conv2.activation_bits, join3.activation_bits) == (32, 3, 3)
    assert found["d2s5"].activation_bits == 32, "the logits are float"
    assert conv2.shape == (8, 12, 64)
    assert conv2.macs == 8 * 12 * 96 * 9 * 64
    assert conv2.packed_bits == 96 * 9 * 64 + 4 * 64 * 32, "four numbers a channel of the normalization"


def test_layer_sizes():
    model = build(settings(), 5)
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert shapes["s2d1"] == (16, 24, 12)
    assert shapes["conv1"] == (16, 24, 16)
    assert shapes["s2d2"] == (8, 12, 64)
    assert shapes["s2d3"] == (4, 6, 256)
    assert shapes["conv7_act"] == (4, 6, 256)
    assert shapes["d2s1"] == (8, 12, 64)
    assert shapes["conv8"] == (8, 12, 128)
    assert shapes["d2s2"] == (16, 24, 32)
    assert shapes["d2s3"] == (32, 48, 32)
    assert model.output.shape == (None, 32, 48, 5)


@pytest.mark.parametrize("name", names())
def test_size_multiple_is_what_the_network_divides_by(name):
    layers = build(settings(network=name), 3).layers
    assert architecture(name)[0].size_multiple == np.prod(
        [layer.block_size for layer in layers if isinstance(layer, SpaceToDepth)]
    )


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("last", [False, True])
def test_the_two_ends(first, last):
    model = build(settings(quantize_first_layer=first, quantize_last_layer=last), 3)
    quantized = [layer.name for layer in model.layers if getattr(layer, "kernel_quantizer", None)]
    assert quantized == [f"conv{i}" for i in range(1 if first else 2, 12)]
    active = [layer.name for layer in model.layers if isinstance(layer, QuantizedActivation)]
    assert active == [f"conv{i}_act" for i in range(1, 12 if last else 11)]
    x = np.random.default_rng(0).normal(size=(1, 32, 48, 3)).astype(np.float32)
    values = np.unique(np.asarray(model(x, training=True)))
    assert (len(values) <= 4) == last


def test_float_network_has_no_quantizer():
    model = build(settings(network="LmSegnetV1", quantize_first_layer=True, quantize_last_layer=True), 3)
    assert not any(isinstance(layer, QuantizedActivation) for layer in model.layers)
    assert all(layer.kernel_quantizer is None for layer in model.layers if isinstance(layer, QuantizedConv2D))
    assert np.min(np.asarray(model(np.ones((1, 32, 48, 3)), training=True))) < 0


def test_batch_norm_constants():
    layers = [layer for layer in build(settings(), 3).layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(layers) == 11
    assert {(layer.momentum, layer.epsilon) for layer in layers} == {(0.99, 1e-3)}


def test_size_that_does_not_fit_is_refused_with_a_fix():
    with pytest.raises(LmnetError, match="image size") as error:
        build(settings().model_copy(update={"image_size": (100, 48)}), 3)
    assert "try 96x48" in error.value.expected
    assert "100x48" in error.value.received


def test_saved_and_loaded_network_computes_the_same(tmp_path):
    model = build(settings(), 3)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(1, 32, 48, 3)).astype(np.float32)
    assert np.array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
