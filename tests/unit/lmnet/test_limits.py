"""Values of a config that must fit each other, told without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lmnet import limits, networks
from lmnet.settings import ScheduleName, Settings

WARM_UP = "3-step-decay-with-warmup"


def refused(**values: object) -> tuple[object, str]:
    """Return the field and the words of the one fault of these settings."""
    with pytest.raises(ValidationError) as caught:
        Settings(train_path="unused", **values)  # type: ignore[arg-type]
    (fault,) = caught.value.errors()
    return fault["loc"], fault["msg"]


def test_only_schedules_have_least_epochs() -> None:
    assert set(limits.LEAST_EPOCHS) < set(get_args(ScheduleName))


@pytest.mark.parametrize("network", networks.names())
@given(st.tuples(st.integers(16, 1024), st.integers(16, 1024)))
def test_a_size_is_taken_or_the_one_proposed_is(network: str, size: tuple[int, int]) -> None:
    if size[0] % 8 == size[1] % 8 == 0:
        assert Settings(train_path="unused", image_size=size, network=network).image_size == size
        return
    place, words = refused(image_size=size, network=network)
    assert place == ("image_size",)
    assert "multiples of 8" in words
    proposed = tuple(int(side) for side in words.split("try ")[1].split("x"))
    networks.check_image_size(proposed, network)
    assert all(16 <= new <= 1024 and abs(new - old) <= 4 for new, old in zip(proposed, size, strict=True))


@pytest.mark.parametrize(
    ("schedule", "least"), [("constant", 1), ("cosine", 1), ("2-step-decay", 2), ("3-step-decay", 2), (WARM_UP, 4)]
)
def test_a_schedule_needs_its_epochs_unless_the_steps_are_given(schedule: str, least: int) -> None:
    Settings(train_path="unused", learning_rate_schedule=schedule, max_epochs=least)
    Settings(train_path="unused", learning_rate_schedule=schedule, max_epochs=1, max_steps=10)
    if least > 1:
        place, words = refused(learning_rate_schedule=schedule, max_epochs=least - 1)
        assert place == ("learning_rate_schedule",)
        assert f"at least {least} epochs" in words


def test_a_wrong_value_is_told_once() -> None:
    assert refused(network="None", image_size=(17, 17))[0] == ("network",)
    assert refused(max_epochs=0, learning_rate_schedule=WARM_UP)[0] == ("max_epochs",)


def test_settings_import_no_tensorflow() -> None:
    code = "import sys, lmnet.settings; sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
