"""Devices and processes that share a batch learn what one device learns from the whole batch."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import apart
import keras
import pytest
from shared_batches import SAME_LOSS, assert_same_course, assert_same_weights, drawn_config, plain, weights

from lmnet import plugins
from lmnet.errors import LmnetError
from lmnet.training import checkpoints, processes, strategy
from lmnet.training.events import StepDone, Validated
from lmnet.training.trainer import train

pytestmark = pytest.mark.usefixtures("tiny_module")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return drawn_config(tmp_path_factory.mktemp("data") / "scenes")


@pytest.fixture(scope="module")
def one(config, tmp_path_factory):
    """Folder and course of a run on one device."""
    folder, course = tmp_path_factory.mktemp("one"), {"losses": {}, "scores": {}}

    def report(event):
        if isinstance(event, StepDone):
            course["losses"][event.step] = event.loss
        if isinstance(event, Validated):
            course["scores"][event.step] = event.scores.mean_iou

    train(config, folder, report=report)
    return folder, course


def test_two_devices_of_tensorflow_learn_what_one_learns(config, one, tmp_path):
    half = {"settings": plain(config, max_steps=2), "folder": str(tmp_path)}
    task = {"cpus": 2, "runs": [half, {"settings": plain(config), "folder": str(tmp_path)}]}
    (begun, course), _ = apart.result(apart.start("tensorflow", task))
    course = {name: begun[name] | course[name] for name in ("losses", "scores")}
    assert_same_course(course, one[1])
    assert_same_weights(weights(tmp_path, 4), weights(one[0], 4))

    model, _ = checkpoints.load(tmp_path / "checkpoints/save.ckpt-4")
    told = [layer.synchronized for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert told == [False] * 3, "another backend would refuse to read it"

    # What two devices saved, one goes on from, and ends where it would have ended alone.
    longer, alone = config.model_copy(update={"max_steps": 6}), shutil.copytree(one[0], tmp_path / "alone")
    for folder in (tmp_path, alone):
        assert train(longer, folder, report=lambda event: None).finished
    assert_same_weights(weights(tmp_path, 6), weights(alone, 6))


def test_the_loss_of_the_page_on_plugins_is_one_for_all_devices(config, tmp_path):
    example = str(Path(__file__).parents[3] / "docs" / "examples" / "own.py")

    def task(cpus):
        own = plain(config, max_steps=2) | {"plugins": [example], "loss": "focal"}
        return {"cpus": cpus, "runs": [{"settings": own, "folder": str(tmp_path / str(cpus))}]}

    one, two = [apart.start("tensorflow", task(cpus)) for cpus in (1, 2)]
    (alone,), _ = apart.result(one)
    (shared,), _ = apart.result(two)
    assert shared["losses"] == pytest.approx(alone["losses"], rel=SAME_LOSS)


def test_a_batch_that_devices_cannot_share_is_refused(monkeypatch):
    class Three(strategy.Strategy):
        devices = 3

    monkeypatch.setitem(strategy._OPEN, "tensorflow", Three)
    with pytest.raises(LmnetError, match="3 devices cannot share a batch of 8") as caught:
        strategy.open_strategy(8)
    assert "batch_size=9" in caught.value.fix
    assert strategy.open_strategy(9).devices == 3


def test_plugins_of_one_text_are_the_same_wherever_they_lie(config, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(strategy.processes, "check_same", lambda what, facts: seen.append((what, facts)))
    monkeypatch.setattr(strategy, "fingerprint", lambda dataset: b"")
    for machine, text in (("a", "x = 1"), ("b", "x = 1"), ("c", "x = 2")):
        file = tmp_path / machine / "mine.py"
        file.parent.mkdir()
        file.write_text(text)
        plugins.load([file])
        seen.append(machine)
        strategy._Joined.check_same(None, config.model_copy(update={"plugins": (file,)}), None)
    plugins.withdraw("mine.py")
    a, b, c = seen[1:4], seen[5:8], seen[9:12]
    assert a == b != c
    assert [what for (what, ours), (_, other) in zip(a, c, strict=True) if ours != other] == ["plugins"]


def test_several_processes_need_jax():
    alone = pytest.raises(LmnetError, match="tensorflow cannot train with several processes")
    with alone as caught, processes.joined("127.0.0.1:1", 0, 2):
        pass
    assert caught.value.expected == "jax"


def test_a_process_waits_for_the_first_and_then_says_so(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        processes.wait_for(address)
    monkeypatch.setattr(processes, "PATIENCE", 0.0)
    with pytest.raises(LmnetError, match=f"does not listen at {address}"):
        processes.wait_for(address)
