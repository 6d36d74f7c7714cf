"""Lets Keras fit on batches that are filled with their number, in a process of its own; the losses tell which it took.

Reads a JSON object ``{"cpus": 2, "steps": 14, "cut": 5, "processors": [2, 5]}`` from stdin: devices of TensorFlow, and
for each number of processors a run from step 1 and one that goes on after step ``cut``. Writes as train_apart.py does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from train_apart import use_cpus

from lmnet.datasets.feeder import Batch
from lmnet.training import feed, strategy


def numbered(dataset: object, settings: object, step: int, rows: slice) -> Batch:
    """Return a batch of two that holds its number; now and then it takes a while."""
    time.sleep(0.02 * (step % 3))
    return np.full((2, 1), step, np.float32), np.zeros((2, 1), np.uint8)


def run(first: int, steps: int) -> dict[str, Any]:
    """Fit on the steps ``first`` + 1 to ``steps``; return the losses, which are the numbers of the batches."""
    used = strategy.open_strategy(2)
    state: Any = SimpleNamespace(
        dataset=None, settings=SimpleNamespace(batch_size=2), strategy=used, first_step=first, total_steps=steps
    )
    losses: dict[int, float] = {}

    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
            batches.ready(first + batch + 1)
            losses[first + batch + 1] = logs["loss"]
            self.model.reset_metrics()

    with used.building():
        pixel = keras.Input((1,))
        model = keras.Model(pixel, keras.layers.Rescaling(1.0)(pixel))
        model.compile(optimizer="sgd", loss="mae")
    used.prepare(model)
    batches = feed.StepBatches(state)
    with used.fitting():
        model.fit(batches, shuffle=False, verbose=0, callbacks=[Note()])
    batches.close()
    return {"losses": losses}


def main() -> None:
    """Run what stdin asks for."""
    task = json.load(sys.stdin)
    if task.get("cpus", 1) > 1:
        use_cpus(task["cpus"])
    feed.batch_for_step = numbered
    runs = []
    for processors in task["processors"]:
        os.cpu_count = lambda processors=processors: processors
        runs += [run(0, task["steps"]), run(task["cut"], task["steps"])]
    print(json.dumps({"runs": runs}))  # noqa: T201


if __name__ == "__main__":
    main()
