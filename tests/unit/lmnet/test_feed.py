"""Keras trains on each batch once and in order, whatever it looks at before, on every backend and number of devices."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import apart
import pytest

from lmnet.training import feed
from lmnet.training.strategy import Strategy

SETTINGS = SimpleNamespace(batch_size=2)
STEPS, CUT = 14, 5
TWO = "--xla_force_host_platform_device_count=2"
JAX = pytest.mark.needs("jax")


@pytest.mark.parametrize(
    ("backend", "devices"),
    [
        ("tensorflow", 1),
        ("tensorflow", 2),
        pytest.param("jax", 1, marks=JAX),
        pytest.param("jax", 2, marks=JAX),
    ],
)
def test_each_batch_is_trained_on_once_and_in_order(backend, devices):
    task = {"cpus": devices if backend == "tensorflow" else 1, "steps": STEPS, "cut": CUT, "processors": [1, 2, 5]}
    flags = {"XLA_FLAGS": TWO} if backend == "jax" and devices == 2 else {}
    runs, _ = apart.result(apart.start(backend, task, "order_apart.py", **flags))
    whole = {step: step - 1 for step in range(1, STEPS + 1)}
    rest = {step: number for step, number in whole.items() if step > CUT}
    assert [run["losses"] for run in runs] == [whole, rest] * 3


@pytest.mark.parametrize(("processors", "ahead"), [(1, 2), (2, 2), (5, 8)])
def test_batches_are_made_while_nobody_asks_for_them(monkeypatch, processors, ahead):
    made = threading.Semaphore(0)
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    monkeypatch.setattr(feed, "batch_for_step", lambda dataset, settings, step, rows: made.release())
    state = SimpleNamespace(dataset=None, settings=SETTINGS, strategy=Strategy(), first_step=3, total_steps=40)
    batches = feed.StepBatches(state)
    for index in range(5):
        batches[index]
    assert all(made.acquire(timeout=20) for _ in range(5 + ahead))
    batches.close()
    assert not made.acquire(timeout=0.1), "no more than that"
