"""``python -m blueoil.bench.train``: what quantizers, data and precision cost a training step; JSON is the last line.

All sides take turns in each round, so that a slow minute of a shared machine hits all alike, and are timed by CPU time.
A network is compared with its float twin, which has ReLU where the network has quantizers.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blueoil import tensorflow_start
from blueoil.bench.entry import start
from blueoil.bench.timing import paired, summary, take_turns
from blueoil.console import Console, percent
from blueoil.size import Size
from lmnet.augmentors import USUAL
from lmnet.networks import float_twin

if TYPE_CHECKING:
    from lmnet.datasets.base import Dataset
    from lmnet.settings import Settings

NETWORKS = ("LmSegnetV1Quantize", "LmUnetV1Quantize")
PRECISIONS = ("float32", "mixed_bfloat16")
GOAL = 0.05
"""Most that quantizers, and the wait for data, may take of a step."""
WAIT_STEPS = 12
FEW_ROUNDS = 3

Times = dict[str, list[float]]


@click.command()
@click.option("--size", type=Size(), default=(184, 240), show_default="184x240", help="Size of the pictures.")
@click.option("--batch", type=click.IntRange(min=1), default=4, show_default=True, help="Pictures in one step.")
@click.option("--rounds", type=click.IntRange(min=3), default=9, show_default=True, help="Steps of each side.")
def main(size: tuple[int, int], batch: int, rounds: int) -> None:
    """Time training steps of the quantized networks beside their float twins, and the making of batches."""
    console = Console()
    tensorflow_start.start()
    with tempfile.TemporaryDirectory(prefix="blueoil-bench-train-") as folder:
        report = _measure(console, Path(folder), size, batch, rounds)
    tell(console, report)
    console.say(json.dumps(report))


def _measure(console: Console, folder: Path, size: tuple[int, int], batch: int, rounds: int) -> dict[str, Any]:
    from lmnet.datasets import open_dataset
    from lmnet.datasets.feeder import batch_for_step
    from lmnet.datasets.sample import draw_dataset
    from lmnet.settings import Settings

    data = folder / "data"
    draw_dataset(data, train=2 * batch, validation=1, size=size)
    augmentors: dict[str, dict[str, float]] = {name: {} for name in USUAL}
    settings = Settings(train_path=data, validation_path=data, image_size=size, batch_size=batch, augmentors=augmentors)
    dataset = open_dataset(settings)
    console.say(f"training steps of {batch} pictures of {size[0]}x{size[1]}; this takes some minutes")
    both = [name for network in NETWORKS for name in (network, float_twin(network))]
    sides = {name: _step(settings.model_copy(update={"network": name}), dataset) for name in both}
    sides["batch"] = lambda: batch_for_step(dataset, settings, 0)
    times = take_turns(sides, rounds=rounds)
    sides.clear()
    precise = {name: _step(settings.model_copy(update={"precision": name}), dataset) for name in PRECISIONS}
    precisions = take_turns(precise, rounds=FEW_ROUNDS)
    wait = _wait(settings.model_copy(update={"max_steps": WAIT_STEPS, "summarise_steps": WAIT_STEPS}), folder / "run")
    return figures(times, precisions, wait) | {"size": list(size), "batch": batch, "rounds": rounds}


def _step(settings: Settings, dataset: Dataset) -> Callable[[], object]:
    """Return a function that does one training step, always on the same batch."""
    from lmnet.datasets.feeder import batch_for_step
    from lmnet.training.trainer import begin

    model = begin(settings, dataset)
    images, masks = batch_for_step(dataset, settings, 0)
    return lambda: model.train_on_batch(images, masks)


def _wait(settings: Settings, folder: Path) -> float:
    """Return the share of the time of a short run that the loop waited for its data."""
    from lmnet.training.events import Event, StepDone
    from lmnet.training.trainer import train

    waits: list[float] = []

    def report(event: Event) -> None:
        if isinstance(event, StepDone) and event.data_wait is not None:
            waits.append(event.data_wait)

    train(settings, folder, report=report)
    return waits[-1]


def figures(
    times: Mapping[str, Sequence[float]], precisions: Mapping[str, Sequence[float]], wait: float
) -> dict[str, Any]:
    """Return the report.

    Args:
        times: milliseconds a round of each network of NETWORKS, of its float twin, and of ``batch``.
        precisions: the same of the first network by precision, float32 among them.
        wait: measured share of the wait for data.
    """
    twins = {name: float_twin(name) for name in NETWORKS}
    rows = [
        {"side": side, **{name: round(value, 1) for name, value in _numbers(values).items()}}
        for side, values in (*times.items(), *((f"{NETWORKS[0]} {name}", ms) for name, ms in precisions.items()))
    ]
    return {
        "quantizer_share": {name: round(1 - paired(times[twin], times[name]), 4) for name, twin in twins.items()},
        "data_cpu_share": {name: round(paired(times["batch"], times[name]), 4) for name in NETWORKS},
        "data_wait": round(wait, 4),
        "step_ratio": {name: round(paired(ms, precisions["float32"]), 3) for name, ms in precisions.items()},
        "goal": GOAL,
        "rows": rows,
    }


def _numbers(values: Sequence[float]) -> dict[str, float]:
    timing = summary(values)
    return {"median_ms": timing.median, "best_ms": timing.best, "worst_ms": timing.worst}


def tell(console: Console, report: Mapping[str, Any]) -> None:
    """Print the report for a person."""
    columns = ["median_ms", "best_ms", "worst_ms"]
    rows = [[row["side"], *(f"{row[column]:.1f}" for column in columns)] for row in report["rows"]]
    console.table(["side", *columns], rows, title="CPU time")
    for name, share in report["quantizer_share"].items():
        console.say(f"quantizers of {name}: {percent(share)} of a step ({_verdict(share)})")
    for name, share in report["data_cpu_share"].items():
        console.say(f"making a batch: {percent(share)} of the CPU time of a step of {name}")
    console.say(f"waiting for data: {percent(report['data_wait'])} of a run ({_verdict(report['data_wait'])})")
    for name, ratio in report["step_ratio"].items():
        console.say(f"a step in {name}: {ratio:.2f} times that in float32")


def _verdict(share: float) -> str:
    return f"goal: at most {percent(GOAL)}, {'met' if share <= GOAL else 'MISSED'}"


if __name__ == "__main__":
    start(main)
