"""The loss is the mean over labelled pixels of the class-weighted crossentropy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lmnet.losses.crossentropy import ClassBalancedCrossentropy, WeightedCrossentropy, class_weights


def expected(labels, logits):
    valid = labels != 255
    y, z = labels[valid].astype(int), logits[valid].astype(np.float64)
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    weight = 1 - np.bincount(y, minlength=logits.shape[-1]) / len(y)
    return -np.mean(weight[y] * log_p[np.arange(len(y)), y])


def sample(classes=4, void=0.3):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, (2, 6, 5)).astype(np.uint8)
    labels[rng.random(labels.shape) < void] = 255
    return labels, rng.normal(0, 2, (*labels.shape, classes)).astype(np.float32)


@pytest.mark.parametrize("void", [0.0, 0.3])
def test_value(void):
    labels, logits = sample(void=void)
    assert float(ClassBalancedCrossentropy()(labels, logits)) == pytest.approx(expected(labels, logits), rel=1e-5)


def test_void_pixels_get_no_gradient():
    labels, logits = sample()
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = ClassBalancedCrossentropy()(labels, logits)
    gradient = tape.gradient(loss, logits).numpy()
    assert np.all(gradient[labels == 255] == 0)
    assert np.all(np.abs(gradient[labels != 255]).sum(-1) > 0)


def test_all_void_is_zero():
    labels, logits = sample(void=1.1)
    assert float(ClassBalancedCrossentropy()(labels, logits)) == 0


def test_saved_and_loaded():
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(ClassBalancedCrossentropy()))
    labels, logits = sample()
    assert float(again(labels, logits)) == float(ClassBalancedCrossentropy()(labels, logits))


def test_weighted_crossentropy_is_the_mean_over_labelled_pixels():
    labels, logits = sample()
    weights = np.array([0.5, 2.0, 1.0, 3.0])
    y, z = labels[labels != 255].astype(int), logits[labels != 255].astype(np.float64)
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    found = float(WeightedCrossentropy(weights)(labels, logits))
    assert found == pytest.approx(-np.mean(weights[y] * log_p[np.arange(len(y)), y]), rel=1e-5)
    again = WeightedCrossentropy.from_config(WeightedCrossentropy(weights).get_config())
    assert float(again(labels, logits)) == found


def test_the_adjustment_moves_the_logits_in_the_loss_alone():
    labels, logits = sample()
    weights = [0.5, 2.0, 0.0, 3.0]
    pull = np.array([np.log(0.5), np.log(2), 0, np.log(3)], np.float32)
    adjusted = WeightedCrossentropy(weights, 0.75)
    found = float(adjusted(labels, logits - np.float32(0.75) * pull))
    assert found == pytest.approx(float(WeightedCrossentropy(weights)(labels, logits)), rel=1e-5)
    assert found != pytest.approx(float(adjusted(labels, logits)), rel=1e-2)
    again = WeightedCrossentropy.from_config(adjusted.get_config())
    assert float(again(labels, logits)) == float(adjusted(labels, logits))


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=12).filter(any), st.floats(0, 2))
def test_class_weights_have_mean_one_and_favour_the_rare(counts, power):
    frequencies = np.array(counts) / sum(counts)
    weights = class_weights(frequencies, power)
    assert weights @ frequencies == pytest.approx(1)
    assert np.all((weights == 0) == (frequencies == 0))
    order = np.argsort(frequencies[frequencies > 0], kind="stable")
    assert np.all(np.diff(weights[frequencies > 0][order]) <= 1e-9)


def test_class_weights_of_known_frequencies():
    assert class_weights(np.array([0.25, 0.25, 0.25, 0.25]), 1.0) == pytest.approx([1, 1, 1, 1])
    # The median is 0.2: 1, 2 and 2/7, whose mean over the pixels is 0.2 + 0.2 + 0.2.
    assert class_weights(np.array([0.2, 0.1, 0.7]), 1.0) * 0.6 == pytest.approx([1, 2, 2 / 7])
