"""Callbacks alone, against hand-made models and clocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmnet.datasets.base import VOID, Dataset, Pair, Sample, Split
from lmnet.settings import Settings
from lmnet.training.callbacks import progress, validation
from lmnet.training.state import TrainingState

MASKS = np.array([[[0, 1]], [[1, 1]], [[0, VOID]]], np.uint8)


def state(report=lambda event: None, **values):
    settings = Settings(train_path="unused", **({"batch_size": 2, "quantize_first_layer": True} | values))

    def read(pair):
        return Sample(np.full((1, 2, 3), 255, np.uint8), MASKS[int(pair.where)], pair.where)

    split = Split("validation", tuple(Pair(Path("i"), Path("m"), str(i)) for i in range(len(MASKS))), read)
    return TrainingState(settings, Dataset(("a", "b"), split, split), Path("unused"), report, total_steps=20)


class AlwaysB:
    """Answers class b everywhere; the loss is 10 for two images, 4 for one."""

    def predict_on_batch(self, images):
        assert (images == 1).all()
        return np.broadcast_to(np.float32([0, 1]), (*images.shape[:3], 2))

    def loss(self, masks, logits):
        return {2: 10.0, 1: 4.0}[len(masks)]


def test_validation_counts_every_image_once():
    found = validation.validate(AlwaysB(), AlwaysB(), state())
    assert found.scores.iou.tolist() == [0, 3 / 5]
    assert found.scores.pixel_accuracy == 3 / 5
    assert found.loss == pytest.approx((2 * 10 + 1 * 4) / 3), "a short last batch weighs less"


def test_speed_leaves_the_compiling_first_step_out(monkeypatch):
    events, clock = [], iter([0, 100, 100, 102, 102, 106])  # begin and end of steps of 100, 2 and 4 seconds
    run = state(events.append, test_steps=5)
    run.validation_seconds = 3.0
    callback = progress.Progress(run)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    for step in (1, 2, 3):
        callback.on_train_batch_begin(0)
        run.step = step
        callback.after_step()
    seconds = [100, 2, 0.9 * 2 + 0.1 * 4]
    assert [1 / event.steps_per_second for event in events] == pytest.approx(seconds)
    assert events[-1].eta_seconds == pytest.approx(17 * seconds[-1] + 4 * 3.0), "17 steps and 4 validations are left"
