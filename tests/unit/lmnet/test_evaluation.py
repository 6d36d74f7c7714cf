"""Evaluation measures what an executor answers, whatever the executor is."""

from __future__ import annotations

import numpy as np
import pytest

from lmnet import networks
from lmnet.datasets.base import VOID, Pair, Sample, Split
from lmnet.evaluation import keras_runner
from lmnet.evaluation.pictures import grid, pictures
from lmnet.evaluation.runner import evaluate
from lmnet.processors.palette import class_colors, paint
from lmnet.settings import Settings
from lmnet.training import checkpoints

TRUTH = np.array([[[0, 1], [1, VOID]], [[0, 0], [2, 1]]], np.uint8)
ANSWER = np.array([[[0, 1], [0, 2]], [[0, 0], [2, 2]]], np.uint8)


def split_of(images, masks):
    def read(pair):
        i = int(pair.where)
        return Sample(images[i], masks[i], pair.where)

    pairs = tuple(Pair(image=None, mask=None, where=str(i)) for i in range(len(masks)))
    return Split("validation", pairs, read)


def test_matrix_and_scores():
    images = np.stack([np.full((2, 2, 3), 255 * i, np.uint8) for i in range(2)])
    answers = {float(i): np.eye(3, dtype=np.float32)[ANSWER[i]] for i in range(2)}
    result = evaluate(lambda x: answers[float(x.max())], split_of(images, TRUTH), "DivideBy255")
    assert result.matrix.tolist() == [[3, 0, 0], [1, 1, 1], [0, 0, 1]]
    assert result.scores.iou.tolist() == pytest.approx([3 / 4, 1 / 3, 1 / 2])
    assert result.scores.mean_iou == pytest.approx((3 / 4 + 1 / 3 + 1 / 2) / 3)
    assert result.scores.pixel_accuracy == pytest.approx(5 / 7)


def test_pictures_show_evenly_spaced_images_with_what_was_predicted():
    images = np.stack([np.full((2, 2, 3), 20 * i, np.uint8) for i in range(7)])
    masks = np.stack([TRUTH[i % 2] for i in range(7)])
    names = ("Sky", "Building", "Pole")

    def all_poles(batch):
        return np.broadcast_to(np.float32([0, 0, 1]), (*batch.shape[:3], 3))

    shown = pictures(all_poles, split_of(images, masks), "DivideBy255", names)
    taken = [0, 2, 4, 6]
    assert np.array_equal(shown["input"], images[taken])
    assert np.array_equal(shown["labels"], [paint(masks[i], class_colors(names)) for i in taken])
    pole = class_colors(names)[2]
    assert np.array_equal(shown["overlap"], (images[taken].astype(int) + pole) // 2)
    sheet = np.asarray(grid(shown, names, "title"))
    assert sheet[-10, 100].tolist() == [120, 120, 120], "the last row begins with the last image"
    assert sheet[-10, 700].tolist() == ((120 + pole.astype(int)) // 2).tolist()


def test_empty_split_is_refused():
    with pytest.raises(ValueError, match="empty"):
        evaluate(lambda x: x, split_of([], []), "DivideBy255")


def test_keras_checkpoint_runs(tmp_path):
    settings = Settings(train_path="unused", image_size=(16, 24))
    model = networks.build(settings, 3)
    model.compile("sgd", "mse")
    path = checkpoints.save(model, tmp_path, checkpoints.CheckpointState(0, "n", ("a", "b", "c"), 1, None, None, None))
    x = np.random.default_rng(0).normal(size=(16, 24, 3)).astype(np.float32)
    logits = keras_runner.load(path, settings)(x)
    assert logits.shape == (16, 24, 3)
    assert logits.dtype == np.float32
    assert np.array_equal(logits, model.predict(x[None], verbose=0)[0])
