"""The optimizers move a weight as their formulas say."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from lmnet.optimizers import OPTIMIZERS
from lmnet.schedules import PiecewiseConstant

GRADIENTS = (0.5, -1.0, 2.0)


def run(name, decay=None):
    optimizer = OPTIMIZERS[name](PiecewiseConstant([0.1], []), decay)
    weight = keras.Variable(np.float32([1.0]))
    optimizer.build([weight])
    path = []
    for gradient in GRADIENTS:
        optimizer.apply([np.float32([gradient])], [weight])
        path.append(float(np.asarray(weight)[0]))
    return path


def test_momentum():
    weight, velocity, path = 1.0, 0.0, []
    for gradient in GRADIENTS:
        velocity = 0.9 * velocity + gradient
        weight -= 0.1 * velocity
        path.append(weight)
    assert run("Momentum") == pytest.approx(path, rel=1e-5)


def test_adam():
    weight, m, v, path = 1.0, 0.0, 0.0, []
    for t, gradient in enumerate(GRADIENTS, 1):
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        weight -= 0.1 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (math.sqrt(v) + 1e-8)
        path.append(weight)
    assert run("Adam") == pytest.approx(path, rel=1e-4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weight_decay_takes_its_share_of_the_weight_beside_the_gradient(name):
    still = OPTIMIZERS[name](PiecewiseConstant([0.1], []), 0.5)
    weight = keras.Variable(np.float32([2.0]))
    still.build([weight])
    still.apply([np.float32([0.0])], [weight])
    assert float(np.asarray(weight)[0]) == pytest.approx(2.0 * (1 - 0.1 * 0.5), rel=1e-6)
