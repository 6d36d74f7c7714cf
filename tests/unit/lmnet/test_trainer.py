"""Training writes what it promises, learns, stops when told, and never keeps a broken network."""

from __future__ import annotations

import csv
import os
import signal
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_network
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lmnet.datasets import open_dataset
from lmnet.datasets.feeder import batch_for_step
from lmnet.datasets.sample import draw_dataset
from lmnet.errors import LmnetError
from lmnet.losses import LOSSES
from lmnet.processors.palette import class_colors, paint
from lmnet.settings import Settings
from lmnet.training import checkpoints
from lmnet.training.events import Saved, Started, StepDone, TrainingResult, Validated
from lmnet.training.trainer import train


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scenes"
    draw_dataset(folder, train=6, validation=3, size=(32, 32), seed=1)
    return folder


@pytest.fixture
def tiny(monkeypatch):
    """Trains three blocks instead of eleven."""
    tiny_network.use(monkeypatch)


def settings(data, **values):
    usual = {"image_size": (16, 16), "batch_size": 2, "max_steps": 12, "optimizer": "Adam", "test_steps": 5}
    usual |= {"save_checkpoint_steps": 4, "summarise_steps": 3, "keep_checkpoint_max": 2, "learning_rate": 0.003}
    return Settings(train_path=data, validation_path=data, **(usual | values))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder, events = tmp_path_factory.mktemp("run"), []

    def report(event):
        events.append(event)
        if isinstance(event, Saved):
            saved_rows[event.step] = rows_of(folder)
        if isinstance(event, Validated):
            recorded[event.step] = rows_of(folder)[event.step]["mean_iou"], list_of(folder / "overlays")

    saved_rows, recorded = {}, {}
    result = train(settings(data), folder, report=report)
    return folder, events, result, saved_rows, recorded


def list_of(folder):
    return sorted(path.name for path in folder.iterdir())


def rows_of(folder):
    with (folder / "results.csv").open() as file:
        return {int(row["step"]): row for row in csv.DictReader(file)}


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_events(run):
    _, events, result, *_ = run
    (started,) = of_kind(events, Started)
    assert (started.total_steps, started.first_step, started.train_images, started.validation_images) == (12, 0, 6, 3)
    assert started.parameters == 2_559_126
    steps = of_kind(events, StepDone)
    assert [event.step for event in steps] == list(range(1, 13))
    assert steps[4].mean_iou is None
    assert steps[5].mean_iou is not None
    assert steps[0].data_wait is None
    assert all(0 <= event.data_wait <= 1 for event in steps[1:])
    assert all(event.steps_per_second > 0 for event in steps)
    assert steps[-1].learning_rate == pytest.approx(0.003)
    assert [event.step for event in of_kind(events, Validated)] == [5, 10, 12]
    assert {4, 5, 8, 12} <= {event.step for event in of_kind(events, Saved)}
    assert result.step == 12
    assert result.finished


def test_loss_falls(run):
    losses = [event.loss for event in of_kind(run[1], StepDone)]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])


def test_checkpoints_kept(run):
    folder, events, result, *_ = run
    newest = sorted({event.step for event in of_kind(events, Saved)})[-2:]
    best = [event.step for event in of_kind(events, Validated) if event.best][-1]
    assert checkpoints.list_steps(folder / "checkpoints") == sorted({*newest, best})
    assert (folder / "best").read_text() == f"save.ckpt-{best}\n"
    assert (result.last, result.best) == ("save.ckpt-12", f"save.ckpt-{best}")
    assert result.mean_iou == max(event.scores.mean_iou for event in of_kind(events, Validated))
    assert not list(folder.rglob(".unfinished*"))


def test_results_csv(run):
    folder, events, _, saved_rows, _ = run
    rows = rows_of(folder)
    assert list(rows) == [3, 5, 6, 9, 10, 12]
    losses = {event.step: event.loss for event in of_kind(events, StepDone)}
    assert all(float(row["loss"]) == pytest.approx(losses[step], rel=1e-5) for step, row in rows.items())
    waits = {event.step: event.data_wait for event in of_kind(events, StepDone)}
    assert all(float(row["data_wait"]) == pytest.approx(waits[step], abs=1e-4) for step, row in rows.items())
    assert rows[3]["mean_iou"] == ""
    scores = of_kind(events, Validated)[0].scores
    assert float(rows[5]["mean_iou"]) == pytest.approx(scores.mean_iou, abs=1e-6)
    assert float(rows[5]["iou/Road"]) == pytest.approx(scores.iou[3], abs=1e-6)
    assert float(rows[9]["epoch"]) == 3
    assert set(saved_rows) > {4, 5, 8, 12}
    for step, then in saved_rows.items():
        assert list(then) == [row for row in rows if row <= step], "what is saved is recorded, wherever a kill comes"


def test_a_validation_is_told_when_it_is_recorded(run):
    *_, recorded = run
    assert list(recorded) == [5, 10, 12]
    assert all(mean_iou for mean_iou, _ in recorded.values())
    assert [len(pictures) for _, pictures in recorded.values()] == [2, 3, 4]
    assert recorded[12][1] == ["latest.png", "step_000005.png", "step_000010.png", "step_000012.png"]


def test_the_picture_holds_label_and_prediction_beside_the_image(run, data):
    folder = run[0] / "overlays"
    assert (folder / "latest.png").read_bytes() == (folder / "step_000012.png").read_bytes()
    assert (folder / "latest.png").read_bytes() != (folder / "step_000005.png").read_bytes()
    picture = np.asarray(Image.open(folder / "latest.png"))
    sample = open_dataset(settings(data)).validation.load(1)
    cells = [picture[40 + 324 : 40 + 324 + 320 : 20, left : left + 320 : 20] for left in (0, 324, 648)]
    assert np.array_equal(cells[0], sample.image), "the second of three, twenty times as large"
    assert np.array_equal(cells[1], paint(sample.mask, class_colors(open_dataset(settings(data)).classes)))
    assert np.abs(2 * cells[2].astype(int) - cells[0]).max() <= 255, "half of the image is in the overlay"


def test_tensorboard_records(run):
    train_log, validation_log = (EventAccumulator(str(run[0] / "tensorboard" / n)) for n in ("train", "validation"))
    train_log.Reload()
    validation_log.Reload()
    assert {"learning_rate", "loss/loss", "data_wait"} <= set(train_log.Tags()["tensors"])
    wanted = {"metrics/mean_iou", "metrics/iou/Road", "loss/loss", "images/input", "images/labels"}
    assert wanted | {"images/prediction", "images/overlap"} <= set(validation_log.Tags()["tensors"])
    assert [event.step for event in validation_log.Tensors("metrics/mean_iou")] == [5, 10, 12]


def test_nothing_left_to_do(run, data):
    folder, _, before, *_ = run
    events = []
    assert train(settings(data), folder, report=events.append) == before
    assert [type(event) for event in events] == [Started]


@pytest.mark.parametrize(
    ("moment", "stopped_at"),
    [((StepDone, 2), 2), ((Validated, 5), 5), ((Saved, 4), 5)],
    ids=["after a step", "in a validation", "in a save"],
)
def test_ctrl_c_finishes_the_step_and_saves(tiny, data, tmp_path, moment, stopped_at):
    def report(event):
        if (type(event), getattr(event, "step", 0)) == moment:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    result = train(settings(data), tmp_path, report=report)
    assert signal.getsignal(signal.SIGINT) is before
    assert (result.step, result.finished) == (stopped_at, False)
    assert result.last == f"save.ckpt-{stopped_at}"
    assert result.best == ("save.ckpt-5" if stopped_at == 5 else None)
    assert checkpoints.list_steps(tmp_path / "checkpoints")[-1] == stopped_at


def test_ctrl_c_before_the_first_step_is_done(tiny, data, tmp_path, monkeypatch):
    def interrupted(dataset, settings, step, rows):
        os.kill(os.getpid(), signal.SIGINT) if step == 0 and not sent else None
        sent.append(step)
        return batch_for_step(dataset, settings, step, rows)

    sent = []
    monkeypatch.setattr("lmnet.training.feed.batch_for_step", interrupted)
    result = train(settings(data), tmp_path, report=lambda event: None)
    assert (result.step, result.finished, result.last) == (1, False, "save.ckpt-1")


def test_one_step_of_a_batch_larger_than_the_dataset(tiny, data, tmp_path):
    events = []
    result = train(settings(data, max_steps=1, batch_size=8), tmp_path, report=events.append)
    assert result == TrainingResult(1, True, "save.ckpt-1", "save.ckpt-1", result.mean_iou)
    assert [type(event) for event in events] == [Started, StepDone, Validated, Saved]
    assert list(rows_of(tmp_path)) == [1]


def test_a_batch_without_a_labelled_pixel_is_a_step_of_loss_0(tiny, data, tmp_path, monkeypatch):
    def void(dataset, settings, step, rows):
        images, masks = batch_for_step(dataset, settings, step, rows)
        return images, np.full_like(masks, 255) if step == 1 else masks

    events = []
    monkeypatch.setattr("lmnet.training.feed.batch_for_step", void)
    assert train(settings(data, max_steps=3), tmp_path, report=events.append).finished
    losses = [event.loss for event in of_kind(events, StepDone)]
    assert losses[1] == 0
    assert np.isfinite(losses).all()
    assert losses[2] > 0


def test_second_ctrl_c_stops_at_once(tiny, data, tmp_path):
    def report(event):
        if isinstance(event, StepDone):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(settings(data), tmp_path, report=report)
    assert checkpoints.list_steps(tmp_path / "checkpoints") == []


@pytest.mark.parametrize(("save_steps", "what"), [(1, "the weight"), (100, "the loss")])
def test_divergence_is_named_and_the_last_good_checkpoint_stays(tiny, data, tmp_path, save_steps, what):
    config = settings(data, optimizer="Momentum", learning_rate=1e30, save_checkpoint_steps=save_steps, test_steps=100)
    with pytest.raises(LmnetError, match=rf"diverged at step \d+: {what}") as error:
        train(config, tmp_path, report=lambda event: None)
    assert "LEARNING_RATE" in error.value.fix
    for step in checkpoints.list_steps(tmp_path / "checkpoints"):
        model, _ = checkpoints.load(tmp_path / "checkpoints" / f"save.ckpt-{step}")
        assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_memory_that_does_not_suffice_is_told_with_what_to_change(tiny, data, tmp_path, monkeypatch):
    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(keras.Model, "fit", full)
    with pytest.raises(LmnetError, match="not enough memory") as caught:
        train(settings(data, batch_size=5), tmp_path, report=lambda event: None)
    assert (caught.value.received, caught.value.where) == ("5 pictures of 16x16", "step 1 of LmSegnetV1Quantize")
    assert caught.value.fix.startswith("batch_size=2,")


def test_a_loss_that_no_checkpoint_could_keep_is_refused_before_the_first_step(tiny, data, tmp_path, monkeypatch):
    class Plain(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.mean(y_pred)

    monkeypatch.setitem(LOSSES, "class_balanced_crossentropy", lambda settings, dataset: Plain())
    with pytest.raises(LmnetError, match="could not be read back") as caught:
        train(settings(data), tmp_path / "run", report=lambda event: None)
    assert caught.value.received == "Plain"
    assert not (tmp_path / "run").exists()


def test_a_batch_that_comes_after_the_step_before_is_waited_for(tiny, data, tmp_path, monkeypatch):
    done, waits = threading.Semaphore(0), []

    def late(dataset, settings, step, rows):
        if step >= 2:  # Keras looks at the first two before the run
            done.acquire()
            time.sleep(0.2)
        return batch_for_step(dataset, settings, step, rows)

    def report(event):
        if isinstance(event, StepDone):
            waits.append(event.data_wait or 0)
            if event.step >= 2:
                done.release()

    monkeypatch.setattr("lmnet.training.feed.batch_for_step", late)
    train(settings(data, max_steps=6, test_steps=100), tmp_path, report=report)
    assert max(waits) > 0


def test_more_workers_keep_the_order(tiny, data, tmp_path, monkeypatch):
    losses = []
    for processors in (2, 5):
        monkeypatch.setattr("os.cpu_count", lambda processors=processors: processors)
        events = []
        train(settings(data, max_steps=9, test_steps=100), tmp_path / str(processors), report=events.append)
        losses.append([event.loss for event in of_kind(events, StepDone)])
    assert losses[0] == losses[1]
    assert len(set(losses[0])) == 9


@pytest.mark.parametrize("processors", [1, 4])
def test_fault_in_the_data_is_told_in_its_own_words(tiny, data, tmp_path, monkeypatch, processors):
    def broken(dataset, settings, step, rows):
        if step < 2:
            return batch_for_step(dataset, settings, step, rows)
        raise LmnetError("the image is gone")

    monkeypatch.setattr("os.cpu_count", lambda: processors)
    monkeypatch.setattr("lmnet.training.feed.batch_for_step", broken)
    with pytest.raises(LmnetError, match="the image is gone"):
        train(settings(data), tmp_path, report=lambda event: None)
