"""Callbacks alone, against hand-made models and clocks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnet.datasets.base import VOID, Dataset, Pair, Sample, Split
from lmnet.settings import Settings
from lmnet.training import gpu
from lmnet.training.callbacks import overlays, progress, validation
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


def steps_of(monkeypatch, run, times):
    """Return the events of steps that were asked for, begun and done at these times, and whose batch was ready."""
    events, ready, done = [], iter([time[2] for time in times]), iter([time[3] for time in times])
    run.report, run.validation_seconds = events.append, 3.0
    callback = progress.Progress(run, SimpleNamespace(ready=lambda step: next(ready)))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(done))
    for number, (asked, begun, _, _) in enumerate(times):
        run.step, run.asked, run.begun = number + 1, asked, begun
        callback.after_step()
    return events


def test_the_loop_waits_for_a_batch_that_is_not_ready_when_it_turns_to_it(monkeypatch):
    compiling = (0, 0, 50, 100)
    at_hand, late, taken_before_the_step = (100, 100, 90, 104), (104, 104, 105, 108), (110, 112, 111, 114)
    run = state(summarise_steps=3)
    events = steps_of(monkeypatch, run, [compiling, at_hand, late, taken_before_the_step])
    assert [event.data_wait for event in events] == [None, 0, 1 / 8, 2 / 4], "a record begins a new share"
    assert run.data_wait == 1 / 2


def test_the_fullest_gpu_is_told(monkeypatch):
    assert gpu.peak_bytes() is None
    used = {"/device:GPU:0": 5, "/device:GPU:1": 7}
    monkeypatch.setattr("tensorflow.config.list_logical_devices", lambda kind: [SimpleNamespace(name=n) for n in used])
    monkeypatch.setattr("tensorflow.config.experimental.get_memory_info", lambda name: {"peak": used[name]})
    assert gpu.peak_bytes() == 7


@given(st.lists(st.integers(1, 50), min_size=overlays.MOST, max_size=200))
def test_the_pictures_that_stay_are_spread_over_the_run(gaps):
    steps, kept = np.cumsum(gaps).tolist(), []
    for step in steps:
        kept.append(step)
        if len(kept) > overlays.MOST:
            kept.remove(overlays.closest(kept))
    assert (kept[0], kept[-1], len(kept)) == (steps[0], steps[-1], overlays.MOST)
    mean = (steps[-1] - steps[0]) / (overlays.MOST - 1)
    assert max(np.diff(kept)) <= 3 * mean + 2 * max(gaps)


def test_only_so_many_pictures_stay(tmp_path):
    for step in range(100, 3100, 100):
        (tmp_path / f"step_{step:06d}.png").touch()
    (tmp_path / "latest.png").touch()
    overlays.thin(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == overlays.MOST + 1
    assert names[:3] == ["latest.png", "step_000100.png", "step_000300.png"]
    assert names[-1] == "step_003000.png"


def test_speed_leaves_the_compiling_first_step_out(monkeypatch):
    run = state(test_steps=5, summarise_steps=100)
    events = steps_of(monkeypatch, run, [(0, 0, 0, 100), (0, 0, 0, 2), (0, 0, 0, 4)])
    seconds = [100, 2, 0.9 * 2 + 0.1 * 4]
    assert [1 / event.steps_per_second for event in events] == pytest.approx(seconds)
    assert events[-1].eta_seconds == pytest.approx(17 * seconds[-1] + 4 * 3.0), "17 steps and 4 validations are left"
