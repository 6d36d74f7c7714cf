"""A run ends after so many validations without a better mIoU, however often it was broken off before."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest
import tiny_network

from lmnet.datasets.sample import draw_dataset
from lmnet.metrics.iou import scores
from lmnet.settings import Settings
from lmnet.training import checkpoints
from lmnet.training.callbacks import validation
from lmnet.training.events import StepDone
from lmnet.training.state import Validation
from lmnet.training.trainer import train

MIOUS = (0.1, 0.3, 0.2, 0.3, 0.29, 0.9)
"""Share of right pixels in the validations at steps 2, 4, ...; that of step 4 is the best until step 12."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scenes"
    draw_dataset(folder, train=4, validation=2, size=(32, 32), seed=1)
    return folder


@pytest.fixture(autouse=True)
def _measured(monkeypatch):
    tiny_network.use(monkeypatch)

    def validate(model, network, state):
        right = round(100 * MIOUS[state.step // 2 - 1])
        matrix = np.zeros((11, 11), np.int64)
        matrix[0, :2] = right, 100 - right
        return Validation(scores(matrix), 1.0)

    monkeypatch.setattr(validation, "validate", validate)


def settings(data, **values):
    usual = {"image_size": (16, 16), "batch_size": 2, "max_steps": 12, "test_steps": 2, "save_checkpoint_steps": 100}
    return Settings(train_path=data, validation_path=data, **(usual | values))


def test_it_ends_and_stays_ended(data, tmp_path):
    events = []
    result = train(settings(data, early_stop=3), tmp_path, report=events.append)
    assert (result.step, result.finished, result.stopped_early) == (10, True, True)
    assert (result.best, result.last) == ("save.ckpt-4", "save.ckpt-10")
    events.clear()
    assert train(settings(data, early_stop=3), tmp_path, report=events.append) == result
    assert not [event for event in events if isinstance(event, StepDone)]


def test_the_count_survives_a_stop(data, tmp_path):
    def report(event):
        if isinstance(event, StepDone) and event.step == 7:
            signal.raise_signal(signal.SIGINT)

    assert not train(settings(data, early_stop=3), tmp_path, report=report).finished
    assert checkpoints.load(tmp_path / "checkpoints/save.ckpt-7")[1].validations_since_best == 1
    result = train(settings(data, early_stop=3), tmp_path, report=lambda event: None)
    assert (result.step, result.stopped_early) == (10, True)


@pytest.mark.parametrize("early_stop", [None, 4])
def test_a_run_that_comes_to_its_last_step_did_not_end_early(data, tmp_path, early_stop):
    result = train(settings(data, early_stop=early_stop), tmp_path, report=lambda event: None)
    assert (result.step, result.finished, result.stopped_early, result.best) == (12, True, False, "save.ckpt-12")


def test_a_checkpoint_that_did_not_count_is_read(data, tmp_path):
    train(settings(data, max_steps=2), tmp_path, report=lambda event: None)
    file = tmp_path / "checkpoints/save.ckpt-2/state.json"
    facts = json.loads(file.read_text())
    del facts["validations_since_best"]
    file.write_text(json.dumps(facts))
    assert checkpoints.load(file.parent)[1].validations_since_best == 0
