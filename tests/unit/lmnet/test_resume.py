"""A resumed run ends with the weights of an unbroken one; damaged checkpoints are told, not used."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_args

import keras
import numpy as np
import pytest

from lmnet.datasets.sample import draw_dataset
from lmnet.errors import LmnetError
from lmnet.settings import Precision, Settings
from lmnet.training import checkpoints
from lmnet.training.events import Started, StepDone
from lmnet.training.trainer import train

pytestmark = pytest.mark.usefixtures("tiny_module")


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scenes"
    draw_dataset(folder, train=5, validation=2, size=(32, 32), seed=1)
    return Settings(
        train_path=folder,
        validation_path=folder,
        image_size=(16, 16),
        batch_size=2,
        max_steps=6,
        optimizer="Adam",
        learning_rate_schedule="cosine",
        augmentors={"FlipLeftRight": {}, "Brightness": {}},
        save_checkpoint_steps=3,
        test_steps=3,
        summarise_steps=1,
    )


@pytest.fixture(scope="module")
def unbroken(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    train(config, folder, report=lambda event: None)
    return folder


@pytest.fixture
def killed(config, tmp_path):
    """A run killed after its fifth step: its last whole checkpoint is that of step 3."""

    def report(event):
        if isinstance(event, StepDone) and event.step == 5:
            raise Killed

    with pytest.raises(Killed):
        train(config, tmp_path, report=report)
    assert checkpoints.list_steps(tmp_path / "checkpoints") == [3]
    return tmp_path


def everything(folder, step):
    model, state = checkpoints.load(folder / "checkpoints" / f"save.ckpt-{step}")
    return [*model.get_weights(), *(np.asarray(variable) for variable in model.optimizer.variables)], state


def results(folder):
    """Return the rows of results.csv without what the clock measured."""
    with (folder / "results.csv").open(newline="") as file:
        return [{name: cell for name, cell in row.items() if name != "data_wait"} for row in csv.DictReader(file)]


def test_resumed_run_ends_as_the_unbroken_one(config, unbroken, killed):
    half_written = killed / "checkpoints" / ".unfinished-save.ckpt-5"
    half_written.mkdir()
    (half_written / "model.keras").write_bytes(b"half")
    with (killed / "results.csv").open("a") as file:
        file.write("1,2.0")  # a row cut short, be its step below that of the checkpoint; later rows are written again
    events = []
    result = train(config, killed, report=events.append)
    assert isinstance(events[0], Started)
    assert events[0].first_step == 3
    assert [event.step for event in events if isinstance(event, StepDone)] == [4, 5, 6]
    assert not half_written.exists()
    assert result.finished
    (ours, our_state), (theirs, their_state) = everything(killed, 6), everything(unbroken, 6)
    assert len(ours) == len(theirs) > 30
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert our_state == their_state
    assert results(killed) == results(unbroken)
    assert (killed / "best").read_text() == (unbroken / "best").read_text()


@pytest.mark.parametrize("precision", [name for name in get_args(Precision) if name != "float32"])
def test_a_run_in_another_precision_goes_on_where_it_was(config, tmp_path, precision):
    settings = config.model_copy(update={"precision": precision, "learning_rate_schedule": "constant"})
    for folder, parts in (("whole", [6]), ("parts", [3, 6])):
        for steps in parts:
            train(settings.model_copy(update={"max_steps": steps}), tmp_path / folder, report=lambda event: None)
    (ours, _), (theirs, _) = everything(tmp_path / "parts", 6), everything(tmp_path / "whole", 6)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


KILLED_WHILE_IT_SAVES = """
import os, signal, sys
from pathlib import Path
import keras, tiny_network
from lmnet import networks
from lmnet.settings import Settings
from lmnet.training.trainer import train

save = keras.Model.save

def save_then_die(model, path):
    save(model, path)
    if "ckpt-6" in str(path):
        os.kill(os.getpid(), signal.SIGKILL)

keras.Model.save = save_then_die
networks.ARCHITECTURES["LmSegnetV1"] = networks.Architecture(tiny_network.tiny, size_multiple=2)
train(Settings.model_validate_json(sys.argv[1]), Path(sys.argv[2]), report=lambda event: None)
"""


def test_killed_process_goes_on_as_if_nothing_had_been(config, tmp_path, monkeypatch):
    settings = config.model_copy(update={"max_steps": 11, "optimizer": "Momentum", "quantize_first_layer": True})
    killed, unbroken = tmp_path / "killed", tmp_path / "unbroken"
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{here.parents[1]}:{here.parents[2]}")
    words = [sys.executable, "-c", KILLED_WHILE_IT_SAVES, settings.model_dump_json(), str(killed)]
    assert subprocess.run(words, check=False, capture_output=True).returncode == -signal.SIGKILL
    assert (killed / "checkpoints" / ".unfinished-save.ckpt-6" / "model.keras").exists()
    assert checkpoints.list_steps(killed / "checkpoints") == [3]

    train(settings, unbroken, report=lambda event: None)
    assert train(settings, killed, report=lambda event: None).finished
    assert not list(killed.rglob(".unfinished*"))
    (ours, our_state), (theirs, their_state) = everything(killed, 11), everything(unbroken, 11)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert our_state == their_state
    assert results(killed) == results(unbroken)
    assert (killed / "best").read_bytes() == (unbroken / "best").read_bytes()


def _truncate(path):
    data = (path / "model.keras").read_bytes()
    (path / "model.keras").write_bytes(data[: len(data) // 2])


def _flip_a_bit(path):
    data = bytearray((path / "model.keras").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "model.keras").write_bytes(data)


def _rewrite(path, **values):
    facts = json.loads((path / "state.json").read_text())
    (path / "state.json").write_text(json.dumps(facts | values))


DAMAGES = {
    "truncated": _truncate,
    "bit flipped": _flip_a_bit,
    "no model": lambda path: (path / "model.keras").unlink(),
    "no state": lambda path: (path / "state.json").unlink(),
    "state is no JSON": lambda path: (path / "state.json").write_text("{"),
    "state is a number": lambda path: (path / "state.json").write_text("5"),
    "state is another step's": lambda path: _rewrite(path, step=5),
    "state of another kind": lambda path: (path / "state.json").write_text(json.dumps({"version": 1})),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_checkpoint_is_told(unbroken, tmp_path, damage):
    path = tmp_path / "save.ckpt-6"
    shutil.copytree(unbroken / "checkpoints" / path.name, path)
    DAMAGES[damage](path)
    with pytest.raises(LmnetError, match=r"save\.ckpt-6 cannot be read") as error:
        checkpoints.load(path)
    assert "remove the folder save.ckpt-6" in error.value.fix


def test_what_is_no_checkpoint_is_not_to_be_removed(unbroken):
    with pytest.raises(LmnetError, match="is no checkpoint") as caught:
        checkpoints.load(unbroken)
    assert caught.value.fix == f"{unbroken}/checkpoints/save.ckpt-1000, with a number that is there"


def test_a_whole_checkpoint_that_keras_cannot_read_is_not_to_be_removed(unbroken, monkeypatch):
    def unknown(*_, **__):
        raise TypeError("Could not locate class 'Mine'")

    monkeypatch.setattr(keras.models, "load_model", unknown)
    with pytest.raises(LmnetError, match="Could not locate class 'Mine'") as caught:
        checkpoints.load(unbroken / "checkpoints" / "save.ckpt-6")
    assert "its files are whole" in caught.value.fix
    assert "remove" not in caught.value.fix


def test_checkpoint_of_another_network_is_refused(config, unbroken):
    with pytest.raises(LmnetError, match="another network"):
        train(config.model_copy(update={"network": "LmSegnetV1"}), unbroken, report=lambda event: None)


def test_training_set_of_another_size_is_refused(config, unbroken, tmp_path):
    data = shutil.copytree(config.train_path, tmp_path / "scenes")
    (data / "train.txt").write_text("".join((data / "train.txt").read_text().splitlines(keepends=True)[1:]))
    moved = config.model_copy(update={"train_path": data, "validation_path": data})
    with pytest.raises(LmnetError, match="another network or dataset") as error:
        train(moved, unbroken, report=lambda event: None)
    assert "5 training images" in error.value.expected
    assert "4 training images" in error.value.received


def test_checkpoint_written_again_replaces_the_old(unbroken, tmp_path):
    model, state = checkpoints.load(unbroken / "checkpoints" / "save.ckpt-6")
    for mean_iou in (0.25, 0.5):
        changed = checkpoints.CheckpointState(6, state.network, state.classes, 5, mean_iou, None, None)
        checkpoints.save(model, tmp_path, changed)
    assert [path.name for path in tmp_path.iterdir()] == ["save.ckpt-6"]
    assert checkpoints.load(tmp_path / "save.ckpt-6")[1].mean_iou == 0.5


def test_best_checkpoint_outlives_newer_ones(tmp_path):
    for step in (1, 2, 3, 10, 20):
        (tmp_path / checkpoints.name_of(step)).mkdir()
    checkpoints.prune(tmp_path, 2, "save.ckpt-2")
    assert checkpoints.list_steps(tmp_path) == [2, 10, 20]
    assert checkpoints.last(tmp_path) == tmp_path / "save.ckpt-20"
    assert len(list(tmp_path.iterdir())) == 3


def test_removing_is_whole_or_not_begun(tmp_path, monkeypatch):
    for step in (1, 2):
        (tmp_path / checkpoints.name_of(step)).mkdir()
        (tmp_path / checkpoints.name_of(step) / "state.json").touch()

    def killed(path):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("lmnet.training.checkpoints.shutil.rmtree", killed)
        checkpoints.prune(tmp_path, 1, None)
    assert checkpoints.list_steps(tmp_path) == [2]
    checkpoints.discard_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["save.ckpt-2"]
