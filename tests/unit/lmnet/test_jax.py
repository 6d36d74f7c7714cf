"""Training under JAX: alone, on two devices, in two processes; one checkpoint for it and for TensorFlow."""

from __future__ import annotations

import apart
import keras
import numpy as np
import pytest
from shared_batches import SAME_LOSS, assert_same_course, assert_same_weights, drawn_config, plain, weights
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lmnet.datasets import open_dataset
from lmnet.evaluation import keras_runner
from lmnet.evaluation.runner import evaluate
from lmnet.export import export
from lmnet.training.events import StepDone
from lmnet.training.trainer import train

pytestmark = [pytest.mark.needs("jax"), pytest.mark.usefixtures("tiny_module")]
BINARY = {"network": "LmSegnetV1Quantize", "max_steps": 1}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("jax")


@pytest.fixture(scope="module")
def config(home):
    return drawn_config(home / "scenes")


@pytest.fixture(scope="module")
def from_tensorflow(home, config):
    """Losses of three steps in TensorFlow; the folder holds its checkpoint of the second."""
    losses = {}

    def report(event):
        if isinstance(event, StepDone):
            losses[event.step] = event.loss

    train(config.model_copy(update={"max_steps": 2}), home / "tensorflow", report=report)
    train(config.model_copy(update={"max_steps": 3}), home / "tensorflow_alone", report=report)
    return losses


@pytest.fixture(scope="module")
def one(home, config, from_tensorflow):
    """Courses of one process: the float network, the binary one, and what TensorFlow began."""
    runs = [
        {"settings": plain(config), "folder": str(home / "one")},
        {"settings": plain(config, **BINARY), "folder": str(home / "one_binary")},
        {"settings": plain(config, max_steps=3), "folder": str(home / "tensorflow")},
    ]
    return apart.result(apart.start("jax", {"runs": runs}))[0]


@pytest.fixture(scope="module")
def two(home, config):
    """Results of two processes: the same, then a run that is stopped, one of two configs, one that loses a process."""

    def own(number):
        folder = home / f"process_{number}"
        return [
            {"settings": plain(config, max_steps=2), "folder": str(folder / "float")},
            {"settings": plain(config), "folder": str(folder / "float")},
            {"settings": plain(config, **BINARY), "folder": str(folder / "binary")},
            {"settings": plain(config), "folder": str(folder / "stopped"), **({"seconds": 0.0} if number else {})},
            {"settings": plain(config, seed=number), "folder": str(folder / "other")},
            {"settings": plain(config), "folder": str(folder / "lost"), "leave": bool(number)},
        ]

    return apart.together([own(0), own(1)], codes=[1, 1])


def test_two_processes_learn_what_one_learns_and_go_on_where_the_first_saved(home, one, two):
    begun, resumed = two[0][0][:2]
    assert (list(begun["losses"]), list(resumed["losses"])) == ([1, 2], [3, 4])
    both = {name: begun[name] | resumed[name] for name in ("losses", "scores")}
    assert_same_course(both, one[0])
    assert_same_weights(weights(home / "process_0/float", 4), weights(home / "one", 4))


def test_the_binary_network_begins_alike(one, two):
    # One step only: later ones amplify the last bit, for a weight near 0 has one sign or the other.
    assert two[0][0][2]["losses"] == pytest.approx(one[1]["losses"], rel=SAME_LOSS)


def test_only_the_first_process_writes_and_reports(home, two):
    first, second = home / "process_0/float", home / "process_1/float"
    assert {"best", "checkpoints", "results.csv", "tensorboard"} <= {path.name for path in first.iterdir()}
    assert [path.name for path in second.iterdir()] == ["save.ckpt-2"], "its copy of what the run went on from"
    assert [run["losses"] for run in two[1][0][:3]] == [{}, {}, {}]
    assert [run["step"] for run in two[1][0][:3]] == [2, 4, 1]


def test_all_stop_when_one_is_told_to(home, two):
    assert [(own[0][3]["step"], own[0][3]["finished"]) for own in two] == [(1, False)] * 2
    assert (home / "process_0/stopped/checkpoints/save.ckpt-1").is_dir()


def test_another_config_is_refused_by_all(two):
    assert [own[0][4]["error"] for own in two] == ["Process 1 has another config than process 0."] * 2


def test_a_process_that_loses_the_other_says_so(two):
    assert "this process has had enough" in two[1][1]
    assert "did not meet, or lost each other" in two[0][1]
    assert len(two[0][0]) == 5


def test_two_devices_of_one_process_learn_what_one_learns(home, config, one):
    task = {"runs": [{"settings": plain(config), "folder": str(home / "devices")}]}
    flags = "--xla_force_host_platform_device_count=2"
    (course,), _ = apart.result(apart.start("jax", task, XLA_FLAGS=flags))
    assert_same_course(course, one[0])
    assert_same_weights(weights(home / "devices", 4), weights(home / "one", 4))


def test_records_are_written(home, one):
    rows = (home / "one/results.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3", "4"]
    record = EventAccumulator(str(home / "one/tensorboard/validation"))
    record.Reload()
    assert [event.step for event in record.Tensors("metrics/mean_iou")] == [2, 4]


def test_jax_goes_on_where_tensorflow_saved(one, from_tensorflow):
    # The two backends convolve in another order, hence the wider limit.
    assert one[2]["losses"] == {3: pytest.approx(from_tensorflow[3], rel=1e-4)}


def test_what_jax_trained_evaluates_and_exports_in_tensorflow(home, config, one, tmp_path):
    binary = config.model_copy(update=BINARY)
    checkpoint = home / "one_binary/checkpoints/save.ckpt-1"
    dataset = open_dataset(binary)
    found = evaluate(keras_runner.load(checkpoint, binary), dataset.validation, binary.preprocessor)
    assert keras.backend.backend() == "tensorflow"
    assert found.scores.mean_iou == pytest.approx(one[1]["scores"][1], abs=0.01)
    model = keras.models.load_model(checkpoint / "model.keras", compile=False)
    images = np.stack([dataset.validation.load(i).image for i in range(2)])
    names = {"classes": dataset.classes, "experiment": "run", "checkpoint": "save.ckpt-1"}
    export(model, tmp_path / "export", settings=binary, images=images, **names)
    assert (tmp_path / "export/minimal_graph_with_shape.pb").is_file()
