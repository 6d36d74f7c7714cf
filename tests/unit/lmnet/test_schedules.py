"""The five schedules have the values and boundaries of the specification."""

from __future__ import annotations

import math

import keras
import pytest

from lmnet.errors import LmnetError
from lmnet.schedules import PiecewiseConstant, make_schedule
from lmnet.settings import Settings


def schedule(name, images=367, **values):
    settings = Settings(train_path="unused", learning_rate_schedule=name, batch_size=8, **values)
    return make_schedule(settings, images)


def test_constant():
    assert [float(schedule("constant", max_epochs=3)(step)) for step in (0, 50, 10**6)] == pytest.approx([1e-3] * 3)


def test_cosine():
    rate = schedule("cosine", max_epochs=10)
    total = int(367 / 8 * 10)
    for step in (0, 1, total // 3, total, total + 5):
        assert float(rate(step)) == pytest.approx(0.5e-3 * (1 + math.cos(math.pi * min(step, total) / total)), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "boundaries", "divisors"),
    [
        ("2-step-decay", [22_914, 45_829], [1, 10, 100]),
        ("3-step-decay", [15_276, 30_552, 45_829], [1, 10, 100, 1000]),
        ("3-step-decay-with-warmup", [45, 15_276, 30_552, 45_829], [1000, 1, 10, 100, 1000]),
    ],
)
def test_steps_of_the_tutorial(name, boundaries, divisors):
    rate = schedule(name, max_epochs=1000)
    assert rate.boundaries == boundaries
    for i, boundary in enumerate(boundaries):
        assert float(rate(boundary)) == pytest.approx(1e-3 / divisors[i], rel=1e-6)
        assert float(rate(boundary + 1)) == pytest.approx(1e-3 / divisors[i + 1], rel=1e-6)


@pytest.mark.parametrize(
    ("steps", "boundaries"),
    [
        (200, [51, 102, 154]),
        (92, [15, 30, 46]),  # two epochs and a bit: the last one keeps the last rate
        (91, [30, 60, 91]),  # less: the run itself is divided
        (30, [10, 20, 30]),
        (1, [0, 0, 1]),
    ],
)
def test_steps_of_a_short_run(steps, boundaries):
    assert schedule("3-step-decay", max_steps=steps).boundaries == boundaries


def test_epochs_shorter_than_a_step_are_no_fault():
    rate = schedule("2-step-decay", images=3, max_epochs=2)
    assert float(rate(0)) == pytest.approx(1e-3)


def test_warm_up_in_steps_needs_four_epochs():
    assert schedule("3-step-decay-with-warmup", max_steps=184).boundaries == [45, 46, 92, 138]
    with pytest.raises(LmnetError, match="too short") as error:
        schedule("3-step-decay-with-warmup", max_steps=183)
    assert "at least 4 epochs" in error.value.expected
    assert error.value.fix


def test_saved_and_loaded():
    rate = PiecewiseConstant([0.1, 0.01], [5])
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rate))
    assert [float(again(step)) for step in (5, 6)] == pytest.approx([0.1, 0.01])
