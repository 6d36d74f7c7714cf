"""The page of results: what each run folder reached, in what time, and what its library costs.

``python -m blueoil.report.results RUN... -o docs/results.md``; the runs are evaluated, and those converted that can be.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blueoil import lineage
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment, step_of
from blueoil.files import write_text
from dlk.profile.machine import this_machine

if TYPE_CHECKING:
    from lmnet.settings import Settings

RUNS = 50
BACKENDS = ("x86", "onnx", "keras")
"""Whose scores are told, the first that a run has: a library before the graphs that it was made from."""

_COLUMNS = (
    "run",
    "network",
    "bits",
    "input",
    "mIoU",
    "by",
    "GMAC",
    "weights",
    "library",
    "ms",
    "steps",
    "hours",
    "trained on",
)
_LEGEND = """\
bits: of weights / of activations. by: what ran the checkpoint, the converted library (x86) or the network
itself (keras). GMAC: 10^9 multiply-adds of one image. weights: MB of all weights, binary ones packed.
library: MB of the file, which has kernels for each instruction set. ms: CPU time of the library for one
image, median of {runs} runs on one thread of this page's machine ({processor}). steps: of all trainings
before, whose weights it began from, + its own; batch x size of the training pictures. hours: time (CPU time)
of all these trainings, validation included. trained on: by the last of them."""


@dataclass(frozen=True, slots=True)
class Library:
    """A run's library for this machine: CPU time for one image on one thread, and bytes of the file in 10^6."""

    milliseconds: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class Result:
    """One run.

    Attributes:
        name: of the experiment.
        network: name of the network.
        bits: of weights and activations.
        image_size: height and width, pixels.
        steps: of the trainings that the weights came from, and of this one up to the checkpoint that is told.
        batch: images in one step.
        crop: height and width of the training pictures.
        processor: where it was trained, and on how many cores.
        hours: of all these trainings, and of CPU time.
        backend: what ran the checkpoint.
        scores: as ``evaluate`` writes them.
        gmac: multiply-adds of one image, 10^9.
        megabytes: of all weights, kernels packed, 10^6.
        library: its time and size; None: it was not converted.
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
    library: Library | None


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
    before = lineage.before(experiment.folder, settings)
    whole = before + lineage.so_far(experiment.folder)
    gmac, megabytes = _cost(settings, len(scores["classes"]))
    return Result(
        name=experiment.id,
        network=settings.network,
        bits=_bits(settings),
        image_size=settings.image_size,
        steps=(before.steps, step_of(checkpoint.name)),
        batch=settings.batch_size,
        crop=settings.train_size,
        processor=f"{start['processor']}, {start['cores']} {'core' if start['cores'] == 1 else 'cores'}",
        hours=(whole.seconds / 3600, whole.cpu_seconds / 3600),
        backend=backend,
        scores=scores,
        gmac=gmac,
        megabytes=megabytes,
        library=_library(experiment.export_folder(checkpoint.name, settings.image_size)),
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
            *_table(_COLUMNS, [_main_cells(result) for result in results]),
            "",
            _LEGEND.format(runs=RUNS, processor=this_machine().cpu),
            "",
            "## IoU of each class, %",
            "",
            *_table(["class", *(result.name for result in results)], _class_rows(classes, results)),
            "",
        ]
    )


def _main_cells(result: Result) -> list[str]:
    first, own = result.steps
    library = result.library
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
        *(("", "") if library is None else (f"{library.megabytes:.2f}", f"{library.milliseconds:.1f}")),
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


def _library(export: Path) -> Library | None:
    from dlk.profile.latency import measure
    from dlk.profile.library import ProfiledLibrary
    from dlk.targets import TARGETS

    file = export / "output" / "models" / "lib" / TARGETS["x86"].library
    if not file.is_file():
        return None
    latency = measure(ProfiledLibrary(file, name="x86"), runs=RUNS)
    return Library(latency.whole * 1000, file.stat().st_size / 1e6)


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
