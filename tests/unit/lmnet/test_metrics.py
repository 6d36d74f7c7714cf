"""Confusion matrix and scores against counting by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lmnet.metrics import best_constant_mean_iou, confusion_matrix, scores


def test_rows_are_truth_and_void_is_skipped() -> None:
    truth = np.array([[0, 0, 1], [2, 255, 1]], np.uint8)
    prediction = np.array([[0, 1, 1], [0, 2, 1]], np.uint8)
    matrix = confusion_matrix(truth, prediction, 3)
    assert matrix.dtype == np.int64
    assert matrix.tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]


def test_scores_by_hand() -> None:
    result = scores(np.array([[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]))
    assert result.iou[:3].tolist() == [1 / 3, 2 / 3, 0.0]
    assert math.isnan(result.iou[3])
    assert result.mean_iou == pytest.approx(1 / 3)
    assert result.pixel_accuracy == pytest.approx(3 / 5)


def test_a_class_that_is_only_predicted_counts_as_zero() -> None:
    result = scores(np.array([[3, 1], [0, 0]]))
    assert result.iou.tolist() == [0.75, 0.0]
    assert result.mean_iou == 0.375


def test_nothing_labelled_is_nan_and_not_an_error() -> None:
    result = scores(confusion_matrix(np.full((2, 2), 255, np.uint8), np.zeros((2, 2), np.uint8), 2))
    assert math.isnan(result.mean_iou)
    assert math.isnan(result.pixel_accuracy)
    assert math.isnan(best_constant_mean_iou(np.zeros((2, 2), np.int64)))


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 5))
def test_scores_equal_counting_and_matrices_add_up(data: st.DataObject, classes: int) -> None:
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    truth = data.draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from([*range(classes), 255])))
    prediction = data.draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, classes - 1)))
    matrix = confusion_matrix(truth, prediction, classes)
    halves = confusion_matrix(truth[:1], prediction[:1], classes) + confusion_matrix(truth[1:], prediction[1:], classes)
    assert np.array_equal(matrix, halves)
    result = scores(matrix)
    seen = truth != 255
    ious = []
    for i in range(classes):
        both = int(((truth == i) & (prediction == i) & seen).sum())
        either = int((((truth == i) | (prediction == i)) & seen).sum())
        if either:
            ious.append(both / either)
            assert result.iou[i] == pytest.approx(both / either)
        else:
            assert math.isnan(result.iou[i])
    if ious:
        assert result.mean_iou == pytest.approx(sum(ious) / len(ious))
        constants = [
            scores(confusion_matrix(truth, np.full(shape, i, np.uint8), classes)).mean_iou for i in range(classes)
        ]
        occurring = [constants[i] for i in range(classes) if (truth == i).any()]
        assert best_constant_mean_iou(matrix) == pytest.approx(max(occurring))


def test_values_out_of_range_are_refused() -> None:
    good = np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match=r"prediction holds 0\.\.7"):
        confusion_matrix(good, np.array([[0, 7], [0, 0]], np.uint8), 3)
    with pytest.raises(ValueError, match=r"truth holds 0\.\.3"):
        confusion_matrix(np.array([[0, 3], [0, 0]], np.uint8), good, 3)
    with pytest.raises(ValueError, match="shape"):
        confusion_matrix(good, good[:1], 3)
    with pytest.raises(ValueError, match="square"):
        scores(np.zeros((2, 3), np.int64))
