"""The page of results: what each run folder reached, in what time, and what its library costs.

``python -m blueoil.report.results RUN... -o docs/results.md``; every run is evaluated, and converted if it can be.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment, step_of
from blueoil.files import write_text
from lmnet.training.folder import FLOAT, STATE

if TYPE_CHECKING:
    from lmnet.settings import Settings

BACKENDS = ("x86", "onnx", "keras")
"""Whose scores are told, the first that a run has: a library before the graphs that it was made from."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run.

    Attributes:
        name: of the experiment.
        network: name of the network.
        bits: of weights and activations.
        image_size: height and width, pixels.
        steps: of the network that the weights came from, and of this one up to the checkpoint that is told.
        batch: images in one step.
        crop: height and width of the training pictures.
        processor: where it was trained, and on how many cores.
        hours: of both trainings, and of CPU time.
        backend: what ran the checkpoint.
        scores: as ``evaluate`` writes them.
        gmac: multiply-adds of one image, 10^9.
        megabytes: of all weights, kernels packed, 10^6.
        latency_ms: CPU time of the library for one image on one thread of this machine; None: no library.
    """

    name: str
    network: str
    bits: str
    image_size: tuple[int, int]
    steps: tuple[int, int]
    batch: int
    crop: tuple[int, int]
    processor: str
    hours: tuple[float, float]
    backend: str
    scores: dict[str, Any]
    gmac: float
    megabytes: float
    latency_ms: float | None


def read(folder: Path) -> Result:
    """Return what a run folder tells of its best checkpoint.

    Raises:
        BlueoilError: there is no run, or it was not evaluated.
    """
    experiment = Experiment.open(folder.parent, folder.name)
    settings = experiment.settings()
    checkpoint = experiment.checkpoint()
    backend, scores = _scores(experiment, checkpoint.name)
    start = experiment.environment["starts"][-1]
    before = _before(experiment.folder, settings)
    state = _last_state(experiment.folder)
    seconds = [state[key] + before.get(key, 0.0) for key in ("seconds", "cpu_seconds")]
    gmac, megabytes = _cost(settings, len(scores["classes"]))
    return Result(
        name=experiment.id,
        network=settings.network,
        bits=_bits(settings),
        image_size=settings.image_size,
        steps=(before.get("step", 0), step_of(checkpoint.name)),
        batch=settings.batch_size,
        crop=settings.train_size,
        processor=f"{start['processor']}, {start['cores']} {'core' if start['cores'] == 1 else 'cores'}",
        hours=(seconds[0] / 3600, seconds[1] / 3600),
        backend=backend,
        scores=scores,
        gmac=gmac,
        megabytes=megabytes,
        latency_ms=_latency(experiment.export_folder(checkpoint.name, settings.image_size)),
    )


def page(results: Sequence[Result]) -> str:
    """Return the page, Markdown."""
    classes = results[0].scores["classes"]
    return "\n".join(
        [
            "# Results",
            "",
            "Made by `python -m blueoil.report.results` from the folders of the runs; `blueoil evaluate` measured the",
            "scores on the whole validation split, void pixels left out.",
            "",
            *_table(
                ["run", "network", "bits", "input", "mIoU", "by", "GMAC", "MB", "ms", "steps", "hours", "trained on"],
                [_main_cells(result) for result in results],
            ),
            "",
            "bits: weights / activations. ms: CPU time of the library for one image, on one thread of the machine that",
            "made this page. steps: of the network that it began from + its own; batch x size of the training",
            "pictures. hours: time (CPU time) of both.",
            "",
            "## IoU of each class, %",
            "",
            *_table(["class", *(result.name for result in results)], _class_rows(classes, results)),
            "",
        ]
    )


def _main_cells(result: Result) -> list[str]:
    first, own = result.steps
    steps = f"{first:,} + {own:,}" if first else f"{own:,}"
    return [
        result.name,
        result.network,
        result.bits,
        _size(result.image_size),
        f"{100 * result.scores['mean_iou']:.1f} %",
        result.backend,
        f"{result.gmac:.1f}",
        f"{result.megabytes:.2f}",
        "" if result.latency_ms is None else f"{result.latency_ms:.1f}",
        f"{steps}; {result.batch} x {_size(result.crop)}",
        f"{result.hours[0]:.1f} ({result.hours[1]:.1f})",
        result.processor,
    ]


def _class_rows(classes: Sequence[str], results: Sequence[Result]) -> list[list[str]]:
    return [[name, *(_percent(result.scores["iou"].get(name)) for result in results)] for name in classes]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def _scores(experiment: Experiment, checkpoint: str) -> tuple[str, dict[str, Any]]:
    for backend in BACKENDS:
        file = experiment.scores_file(checkpoint, backend)
        if file.is_file():
            return backend, json.loads(file.read_text(encoding="utf-8"))
    raise BlueoilError(
        f"experiment {experiment.id} was not evaluated",
        where=str(experiment.scores_file(checkpoint, BACKENDS[-1])),
        fix=f"blueoil evaluate -e {experiment.id} -p {checkpoint}",
    )


def _last_state(folder: Path) -> dict[str, Any]:
    """Return the state of the newest checkpoint of a run folder; nothing where there is none."""
    files = sorted((folder / "checkpoints").glob(f"save.ckpt-*/{STATE}"), key=lambda file: step_of(file.parent.name))
    return json.loads(files[-1].read_text(encoding="utf-8")) if files else {}


def _before(folder: Path, settings: Settings) -> dict[str, Any]:
    """Return the state of the training that the weights came from; nothing where they were new."""
    if settings.warm_start is None:
        return _last_state(folder / FLOAT)
    state = settings.warm_start / STATE
    return json.loads(state.read_text(encoding="utf-8")) if state.is_file() else {}


def _bits(settings: Settings) -> str:
    from lmnet.networks import float_twin

    quantized = float_twin(settings.network) != settings.network
    return f"1 / {settings.activation_bits}" if quantized else "32 / 32"


def _cost(settings: Settings, classes: int) -> tuple[float, float]:
    """Return multiply-adds in 10^9 and the size of the weights in 10^6 bytes."""
    from lmnet import networks
    from lmnet.networks.facts import blocks

    found = blocks(networks.build(settings, classes))
    return sum(block.macs for block in found) / 1e9, sum(block.packed_bits for block in found) / 8e6


def _latency(export: Path) -> float | None:
    from dlk.profile.latency import measure
    from dlk.profile.library import ProfiledLibrary
    from dlk.targets import TARGETS

    library = export / "output" / "models" / "lib" / TARGETS["x86"].library
    if not library.is_file():
        return None
    return measure(ProfiledLibrary(library, name="x86"), runs=20).whole * 1000


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Page to write, else printed.")
def main(runs: tuple[Path, ...], output: Path | None) -> None:
    """Write the page of results of some run folders.

    \b
    Example:
      python -m blueoil.report.results saved/unet saved/segnet -o docs/results.md
    """
    text = page([read(run) for run in runs])
    if output is None:
        click.echo(text)
    else:
        write_text(output, text)
        click.echo(f"{output}: {len(runs)} runs")


if __name__ == "__main__":
    main()
