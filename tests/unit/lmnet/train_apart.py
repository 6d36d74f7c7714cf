"""Trains in a process of its own, where the backend, the devices and the other processes are what a test wants.

Reads a JSON object of the keys below from stdin and writes one to stdout, the last line.

Keys:
    runs: in this order, each ``{"settings": {}, "folder": ""}``, perhaps with ``seconds`` as of ``train``, or with
        ``leave``: the process fails outside of training.
    cpus: logical CPUs that TensorFlow trains on as if they were GPUs.
    join: ``[coordinator, process, processes]``.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import tiny_network

from lmnet import networks, plugins
from lmnet.errors import LmnetError
from lmnet.settings import Settings
from lmnet.training import processes, strategy
from lmnet.training.events import Event, StepDone, Validated
from lmnet.training.trainer import train


def use_cpus(count: int) -> None:
    """Make this machine look like one with ``count`` GPUs to TensorFlow."""
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    strategy.DEVICE = "CPU"


def run(settings: dict[str, Any], folder: str, *, leave: bool = False, **limits: float) -> dict[str, Any]:
    """Train once; return losses and scores, or the error."""
    losses, scores = {}, {}

    def report(event: Event) -> None:
        if isinstance(event, StepDone):
            losses[event.step] = event.loss
        if isinstance(event, Validated):
            scores[event.step] = event.scores.mean_iou

    if leave:
        raise LmnetError("this process has had enough")
    plugins.load([Path(file) for file in settings.get("plugins", ())])
    try:
        result = train(Settings(**settings), Path(folder), report=report, **limits)
    except LmnetError as error:
        if "lost each other" in error.what:
            raise
        return {"error": error.what}
    return {"losses": losses, "scores": scores, "step": result.step, "finished": result.finished}


def main() -> None:
    """Do what stdin says."""
    task = json.load(sys.stdin)
    networks.ARCHITECTURES["LmSegnetV1"] = networks.Architecture(tiny_network.tiny, size_multiple=2)
    if "cpus" in task:
        use_cpus(task["cpus"])
    try:
        with processes.joined(*task["join"]) if "join" in task else nullcontext():
            done = []
            for each in task["runs"]:
                done.append(run(**each))
                sys.stdout.write(json.dumps({"runs": done}) + "\n")
                sys.stdout.flush()
    except LmnetError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
