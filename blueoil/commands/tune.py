"""``blueoil tune``: config and search space -> trials, their table, the config of the best."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blueoil.commands import options
from blueoil.console import Console, percent
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment, new_id
from blueoil.files import write_text

if TYPE_CHECKING:
    from blueoil.tuning.space import Space
    from blueoil.tuning.trial import Record
    from lmnet.settings import Settings

_INTERRUPTED = 130
TRIALS, RESULTS, BEST = "trials", "results.csv", "best.py"


@click.command("tune")
@click.option(
    "-c", "--config", type=click.Path(path_type=Path), required=True, metavar="FILE", help="Config file, .py or .yaml."
)
@click.option("-e", "--experiment_id", metavar="ID", help="Name of the search, a new one.  [default: CONFIG_TIME]")
@click.option("--trials", type=click.IntRange(1), default=10, show_default=True, help="Runs with drawn values.")
@click.option(
    "--search",
    "sources",
    multiple=True,
    metavar="KEY=KIND(...)|FILE.yaml",
    help="What is searched; may be given again.  [default: learning_rate, weight_decay, batch_size]",
)
@click.option("--parallel", type=click.IntRange(1), metavar="N", help="Trials at once.  [default: one a GPU, else 1]")
@options.plugins
@options.output_dir
@options.as_json
@options.debug
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
def command(
    config: Path,
    experiment_id: str | None,
    trials: int,
    sources: tuple[str, ...],
    parallel: int | None,
    plugins: tuple[Path, ...],
    output_dir: Path,
    machine: bool,
    overrides: tuple[str, ...],
) -> int:
    """Search for the values of a config that give the highest validation mIoU.

    Each trial is an experiment with drawn values, under ID/trials; one that does worse than the others at the same
    point of its run is ended there. Kinds: loguniform(a, b), uniform(a, b), randint(a, b), choice(x, y, ...).

    Ctrl-C ends the search; what the trials have measured counts.

    \b
    Example:
      blueoil tune -c config/camvid.py --trials 20
      blueoil tune -c config/camvid.py --search "learning_rate=loguniform(1e-4, 1e-2)" max_steps=2000
      blueoil tune -c config/camvid.py --search space.yaml --parallel 2
    """
    from blueoil.config.load import load
    from blueoil.report.live import LiveCurves
    from blueoil.tuning import space as spaces
    from blueoil.tuning.search import search
    from blueoil.tuning.trial import Job, Record, best_first, read

    console = Console(machine=machine)
    settings = load(config, overrides, plugins=plugins)
    found: Space = {}
    for source in sources:
        found |= spaces.parse(source)
    found = found or spaces.default_space(settings)
    _check(found, config, overrides, plugins)
    drawn = spaces.draw(found, trials, settings.seed)

    tuning = Experiment(output_dir, experiment_id or new_id(config))
    if tuning.exists:
        raise BlueoilError(f"{tuning.id} exists already", where=str(tuning.folder), fix="give another -e")
    root = tuning.folder / TRIALS
    console.say(f"search: {tuning.folder}")
    for key, domain in found.items():
        console.say(f"  {key} = {domain.kind}({', '.join(map(str, domain.arguments))})")
    job = Job(root.absolute(), config.absolute(), overrides, tuple(path.absolute() for path in plugins))
    whole = search(job, drawn, parallel=parallel, told=lambda record: _tell(console, record))

    folders = [root / str(number) for number in range(1, trials + 1)]
    for folder in folders:  # here, for Ray ends the process of a trial at its last word
        LiveCurves(folder, folder.name, console).draw()
    records = best_first([read(f) or Record(i, drawn[i - 1]) for i, f in enumerate(folders, start=1)])
    best = records[0]
    if best.mean_iou is None:
        reasons = sorted({record.error for record in records if record.error})
        raise BlueoilError("no trial came to a validation", where=str(root), received="; ".join(reasons) or None)
    _table(console, records, list(found))
    write_text(tuning.folder / RESULTS, _csv(records, list(found)))
    chosen = load(config, [*overrides, *spaces.words(best.values)], plugins=plugins)
    file = tuning.folder / BEST
    _write_best(file, chosen, tuning.id)
    console.say(f"The results are in {tuning.folder / RESULTS}")
    if not whole:
        console.say("The search was ended before all trials were.")
    console.say(f"Next step: blueoil train -c {file}{options.root_words()}")
    console.result(
        {
            "search": tuning.id,
            "folder": tuning.folder,
            "best": file,
            "whole": whole,
            "trials": [_told(r) for r in records],
        }
    )
    return 0 if whole else _INTERRUPTED


def _check(space: Space, config: Path, overrides: Sequence[str], plugins: Sequence[Path]) -> None:
    """Raise BlueoilError or LmnetError where a value that may be drawn is none that the config can have."""
    from blueoil.config.load import load
    from blueoil.tuning.space import words

    for key, domain in space.items():
        for value in domain.arguments:
            load(config, [*overrides, *words({key: value})], plugins=plugins)


def _tell(console: Console, record: Record) -> None:
    values = ", ".join(f"{key} {value}" for key, value in record.values.items())
    best = "-" if record.mean_iou is None else percent(record.mean_iou)
    console.say(f"trial {record.trial}: {100 * record.share:.0f} % done, mIoU {best} ({values})")


def _table(console: Console, records: Sequence[Record], keys: Sequence[str]) -> None:
    rows = [
        [
            str(record.trial),
            *(str(record.values[key]) for key in keys),
            "-" if record.mean_iou is None else percent(record.mean_iou),
            str(record.step),
            record.state,
        ]
        for record in records
    ]
    console.table(["trial", *keys, "mIoU", "step", "state"], rows)


def _told(record: Record) -> dict[str, Any]:
    return {**asdict(record), "state": record.state}


def _csv(records: Sequence[Record], keys: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", *keys, "mean_iou", "step", "share", "state", "error"])
    for record in records:
        values = [record.values[key] for key in keys]
        measured = [record.mean_iou, record.step, f"{record.share:.4f}", record.state, record.error]
        writer.writerow([record.trial, *values, *measured])
    return text.getvalue()


def _write_best(file: Path, settings: Settings, name: str) -> None:
    from blueoil.config.render import render

    write_text(file, render(settings, name=name, suffix=file.suffix, made_by="blueoil tune"))
