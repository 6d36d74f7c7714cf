"""Proof 1 and the first difference on executors that are made up, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlk.errors import VerificationError
from dlk.verify.equality import check_equality
from dlk.verify.first_difference import compare, unequal

LAYERS = ("conv2", "conv10", "output")  # not in alphabetical order: execution order counts


def reference(values: np.ndarray) -> dict[str, np.ndarray]:
    codes = (np.abs(values) * 3).astype(np.uint8) % 4
    return {"conv2": codes, "conv10": (3 - codes).astype(np.uint8), "output": values * np.float32(2)}


class Made:
    """An executor that does something to the right trace."""

    name = "made"

    def __init__(self, change: Callable[[dict[str, np.ndarray]], None] = lambda trace: None) -> None:
        self.change = change

    def run(self, values: np.ndarray) -> np.ndarray:
        return self.trace(values)["output"]

    def trace(self, values: np.ndarray) -> dict[str, np.ndarray]:
        trace = {name: array.copy() for name, array in reference(values).items()}
        self.change(trace)
        return trace


@pytest.fixture
def inputs() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((3, 4, 5, 2)).astype(np.float32)


def check(inputs: np.ndarray, change: Callable[[dict[str, np.ndarray]], None] = lambda trace: None):  # type: ignore[no-untyped-def]
    return check_equality(Made(change), inputs, lambda index: reference(inputs[index]))


def test_an_equal_executor_passes_and_all_values_are_counted(inputs: np.ndarray) -> None:
    result = check(inputs)
    assert result.passed
    assert (result.images, result.values, result.mismatches) == (3, 3 * 3 * 40, 0)
    assert [layer.layer for layer in result.layers] == list(LAYERS)


def test_the_first_layer_in_execution_order_is_named_with_its_position(inputs: np.ndarray) -> None:
    def change(trace: dict[str, np.ndarray]) -> None:
        trace["output"][0, 0, 0] += 1
        trace["conv10"][2, 3, 1] ^= 1
        trace["conv10"][3, 0, 0] ^= 2

    result = check(inputs, change)
    assert not result.passed
    assert result.first is not None
    assert (result.first.layer, result.first.image, result.first.position) == ("conv10", 0, (2, 3, 1))
    expected = reference(inputs[0])["conv10"][2, 3, 1]
    assert (result.first.expected, result.first.received) == (expected, expected ^ 1)
    assert [layer.mismatches for layer in result.layers] == [0, 6, 3]


@pytest.mark.parametrize(
    "change",
    [
        lambda trace: trace.pop("conv10"),
        lambda trace: trace.update(conv10=trace["conv10"][:-1]),
        lambda trace: trace.update(conv10=trace["conv10"].astype(np.int32)),
    ],
)
def test_a_missing_or_misshapen_layer_differs_whole(
    inputs: np.ndarray, change: Callable[[dict[str, np.ndarray]], None]
) -> None:
    result = check(inputs, change)
    assert not result.passed
    assert result.first is not None and result.first.layer == "conv10"
    assert [layer.mismatches for layer in result.layers] == [0, 120, 0]


def test_what_follows_from_layers_is_compared_where_it_was_traced(inputs: np.ndarray) -> None:
    """conv10 takes the place of a concat: an executor may hold it as parts, but what it traces must be right."""

    def compared(change: Callable[[dict[str, np.ndarray]], None]):  # type: ignore[no-untyped-def]
        return check_equality(Made(change), inputs, lambda index: reference(inputs[index]), derived=("conv10",))

    untraced = compared(lambda trace: trace.pop("conv10"))
    assert untraced.passed and [layer.layer for layer in untraced.layers] == ["conv2", "output"]
    wrong = compared(lambda trace: trace["conv10"].__ixor__(1))
    assert wrong.first is not None and wrong.first.layer == "conv10"
    missing = compared(lambda trace: trace.pop("conv2"))
    assert not missing.passed and missing.first is not None and missing.first.layer == "conv2"


def test_an_executor_that_fails_is_a_result_with_its_reason(inputs: np.ndarray) -> None:
    def change(trace: dict[str, np.ndarray]) -> None:
        raise VerificationError("it crashed", received="signal 11")

    result = check(inputs, change)
    assert not result.passed
    assert "signal 11" in result.failure


def test_no_images_is_no_proof(inputs: np.ndarray) -> None:
    assert not check(inputs[:0]).passed


def test_a_layer_that_cannot_be_compared_says_why(inputs: np.ndarray) -> None:
    gone = check(inputs, lambda trace: trace.pop("conv10")).first
    assert str(gone) == "layer conv10, image 0: expected uint8 (4, 5, 2), received nothing"
    other = check(inputs, lambda trace: trace.update(conv10=trace["conv10"].astype(np.int32))).first
    assert other is not None and other.received == "int32 (4, 5, 2)"


def test_a_difference_is_valid_json_also_for_nan_and_infinity(inputs: np.ndarray) -> None:
    for value, text in ((np.nan, "nan"), (-np.inf, "-inf")):
        result = check(inputs, lambda trace, value=value: trace["output"].fill(value))
        assert not result.passed and result.first is not None
        document = json.loads(json.dumps(result.first.document(), allow_nan=False))
        assert document["received"] == text and isinstance(document["expected"], float)


def test_floats_are_compared_bit_for_bit() -> None:
    zero, nan = np.zeros(1, np.float32), np.full(1, np.nan, np.float32)
    assert unequal(zero, -zero)[0]
    assert not unequal(nan, nan.copy())[0]
    assert unequal(np.ones(1, np.float32), np.nextafter(np.ones(1, np.float32), np.float32(2)))[0]


@given(st.integers(0, 59), st.integers(1, 255))
def test_any_single_change_is_found_where_it_is(place: int, change: int) -> None:
    expected = {"conv1": np.arange(60, dtype=np.uint8).reshape(3, 4, 5)}
    received = {"conv1": expected["conv1"].copy()}
    received["conv1"].reshape(-1)[place] ^= change
    counts, first = compare(["conv1"], expected, received, image=7)
    assert counts[0].mismatches == 1
    assert first is not None and first.image == 7
    assert first.position == np.unravel_index(place, (3, 4, 5))
    assert int(first.expected) ^ int(first.received) == change
