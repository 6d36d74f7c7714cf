"""A run of two stages, the float twin first; training alone sees mixed precision."""

from __future__ import annotations

import json
import os
import signal

import keras
import numpy as np
import pytest
import tiny_network

from lmnet import networks
from lmnet.datasets.sample import draw_dataset
from lmnet.errors import LmnetError
from lmnet.networks.blocks import Blocks
from lmnet.settings import Settings
from lmnet.training import checkpoints, trainer, warm_start
from lmnet.training.dry_run import dry_run
from lmnet.training.events import Started, StepDone, Validated

PLAIN = {"image_size": (32, 32), "batch_size": 2, "max_steps": 4, "test_steps": 4, "optimizer": "Adam"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scenes"
    draw_dataset(folder, train=6, validation=3, size=(32, 32), seed=1)
    return folder


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    tiny_network.use(monkeypatch)


def settings(data, **values):
    return Settings(train_path=data, validation_path=data, **(PLAIN | values))


def train(settings, folder):
    events = []
    result = trainer.train(settings, folder, report=events.append)
    return result, events


def weights_of(folder, step):
    model, _ = checkpoints.load(folder / checkpoints.FOLDER / checkpoints.name_of(step), compiled=False)
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def assert_same(ours, theirs):
    assert all(np.array_equal(a, b) for name in ours for a, b in zip(ours[name], theirs[name], strict=True))


def test_the_float_twin_is_trained_first_and_the_network_starts_from_it(data, tmp_path):
    result, events = train(settings(data, float_start=1.5), tmp_path)
    started = [event for event in events if isinstance(event, Started)]
    assert [(event.network, event.total_steps) for event in started] == [("LmSegnetV1", 6), ("LmSegnetV1Quantize", 4)]
    assert (result.step, result.finished) == (4, True)
    assert checkpoints.load(tmp_path / "float/checkpoints/save.ckpt-6")[1].network == "LmSegnetV1"

    # The second stage alone, from the checkpoint that the first one left, gives the same weights.
    train(settings(data, warm_start=tmp_path / "float/checkpoints/save.ckpt-6"), tmp_path / "alone")
    ours = weights_of(tmp_path, 4)
    assert_same(ours, weights_of(tmp_path / "alone", 4))
    train(settings(data), tmp_path / "cold")
    assert not np.array_equal(ours["conv2"][0], weights_of(tmp_path / "cold", 4)["conv2"][0])


def test_the_time_to_the_end_counts_the_second_stage(data, tmp_path):
    _, events = train(settings(data, float_start=1.0), tmp_path)
    last_of_float = [event for event in events if isinstance(event, StepDone)][3]
    assert last_of_float.step == last_of_float.total_steps
    assert last_of_float.eta_seconds >= 3.99 / last_of_float.steps_per_second


def test_stopped_in_the_float_stage_it_goes_on_there(data, tmp_path):
    two_stages = settings(data, float_start=1.0, save_checkpoint_steps=1)
    whole, _ = train(two_stages, tmp_path / "whole")

    class CutError(Exception):
        pass

    def cut(event):
        if isinstance(event, StepDone) and event.step == 3:
            raise CutError

    with pytest.raises(CutError):
        trainer.train(two_stages, tmp_path / "cut", report=cut)
    assert not (tmp_path / "cut/checkpoints").exists()
    result, events = train(two_stages, tmp_path / "cut")
    assert next(event for event in events if isinstance(event, Started)).first_step == 2
    assert (result.last, result.mean_iou) == (whole.last, whole.mean_iou)
    assert_same(weights_of(tmp_path / "cut", 4), weights_of(tmp_path / "whole", 4))
    _, again = train(two_stages, tmp_path / "cut")
    assert [event.network for event in again if isinstance(event, Started)] == ["LmSegnetV1Quantize"]


def test_ctrl_c_in_the_float_stage_saves_it(data, tmp_path):
    two_stages = settings(data, float_start=1.0)

    def report(event):
        if isinstance(event, StepDone) and event.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    result = trainer.train(two_stages, tmp_path, report=report)
    assert (result.step, result.finished, result.last) == (2, False, "save.ckpt-2")
    assert checkpoints.list_steps(tmp_path / "float/checkpoints") == [2]
    assert not (tmp_path / "checkpoints").exists()
    result, events = train(two_stages, tmp_path)
    assert [event.first_step for event in events if isinstance(event, Started)] == [2, 0]
    assert (result.step, result.finished) == (4, True)


def test_ctrl_c_in_the_last_step_of_the_float_stage_ends_the_run_too(data, tmp_path):
    two_stages = settings(data, float_start=0.5)

    def report(event):
        if isinstance(event, StepDone) and event.step == event.total_steps:
            os.kill(os.getpid(), signal.SIGINT)

    result = trainer.train(two_stages, tmp_path, report=report)
    assert (result.step, result.finished, result.last) == (2, False, "save.ckpt-2")
    assert not (tmp_path / "checkpoints").exists()
    result, events = train(two_stages, tmp_path)
    assert [event.first_step for event in events if isinstance(event, Started)] == [2, 0]
    assert [event.step for event in events if isinstance(event, StepDone)] == [1, 2, 3, 4]
    assert (result.step, result.finished) == (4, True)


def test_a_twin_from_which_the_network_cannot_start_is_told_before_its_run(data, tmp_path, monkeypatch):
    def unlike(settings, classes, *, quantize):
        block = Blocks(settings, quantize)
        inputs = keras.Input((*settings.image_size, 3))
        x = block.first(inputs, "conv1", 8 if quantize else 4, 1)
        return keras.Model(inputs, block.last(x, "conv2", classes, 3), name=settings.network)

    monkeypatch.setitem(networks.ARCHITECTURES, "LmSegnetV1", networks.Architecture(unlike, size_multiple=2))
    for begin in (lambda values: train(values, tmp_path), dry_run):
        with pytest.raises(LmnetError, match="cannot start from its float twin LmSegnetV1") as caught:
            begin(settings(data, float_start=1.0))
        assert caught.value.received == "conv1, conv1_bn, conv2 differ"
    assert not (tmp_path / "float").exists()


def test_a_schedule_that_the_twin_is_too_short_for_is_told_before_its_run(data, tmp_path):
    short = {"max_steps": None, "max_epochs": 10, "learning_rate_schedule": "3-step-decay-with-warmup"}
    for begin in (lambda values: train(values, tmp_path), dry_run):
        with pytest.raises(LmnetError, match="too short") as caught:
            begin(settings(data, float_start=0.1, **short))
        assert caught.value.where == "the run of the float twin, FLOAT_START 0.1"


def test_another_network_is_no_start(data, tmp_path, monkeypatch):
    train(settings(data), tmp_path)
    path = tmp_path / "checkpoints/save.ckpt-4"
    monkeypatch.undo()
    model = networks.build(settings(data), 11)
    with pytest.raises(LmnetError, match="cannot start") as caught:
        warm_start.copy_weights(path, model, checkpoints.load(path)[1].classes)
    assert "conv1" in str(caught.value.received)


def test_other_classes_keep_the_last_layer_new(data, tmp_path):
    train(settings(data), tmp_path)
    before = weights_of(tmp_path, 4)
    keras.utils.set_random_seed(7)
    model = networks.build(settings(data), 2)
    new = model.get_layer("conv3").get_weights()[0].copy()
    warm_start.copy_weights(tmp_path / "checkpoints/save.ckpt-4", model, ("road", "sky"))
    assert np.array_equal(model.get_layer("conv2").get_weights()[0], before["conv2"][0])
    assert np.array_equal(model.get_layer("conv3").get_weights()[0], new)


def test_mixed_precision_trains_in_bfloat16_and_validates_in_float32(data, tmp_path):
    mixed = settings(data, precision="mixed_bfloat16")
    result, events = train(mixed, tmp_path)
    model, _ = checkpoints.load(tmp_path / "checkpoints/save.ckpt-4")
    assert model.get_layer("conv2").compute_dtype == "bfloat16"
    assert model.get_layer("conv2").kernel.dtype == "float32"
    whole = networks.at_image_size(model, mixed, 11)
    assert whole.get_layer("conv2").compute_dtype == "float32"
    (validated,) = [event for event in events if isinstance(event, Validated)]
    assert result.mean_iou == validated.scores.mean_iou
    assert keras.config.dtype_policy().name == "float32", "the next network of this process is in float32 again"


def test_the_time_of_a_run_is_that_of_all_its_starts(data, tmp_path):
    train(settings(data, max_steps=2), tmp_path)
    file = tmp_path / "checkpoints/save.ckpt-2/state.json"
    first = json.loads(file.read_text())
    assert 0 < first["seconds"] < 1000 > first["cpu_seconds"] > 0
    file.write_text(json.dumps(first | {"seconds": 5000.0, "cpu_seconds": 7000.0}))
    train(settings(data, max_steps=4), tmp_path)
    second = checkpoints.load(tmp_path / "checkpoints/save.ckpt-4")[1]
    assert 5000 < second.seconds < 6000 < 7000 < second.cpu_seconds < 8000
