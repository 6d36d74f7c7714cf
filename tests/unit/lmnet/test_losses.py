"""The loss is the mean over labelled pixels of the class-weighted crossentropy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmnet.losses import ClassBalancedCrossentropy


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
