"""``blueoil train``: config -> experiment with checkpoints and results."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blueoil import samples, several
from blueoil.commands import options
from blueoil.console import Console, percent
from blueoil.experiment import Experiment
from blueoil.preparation import nothing_to_train, prepare
from blueoil.progress import TrainingProgress
from blueoil.report.live import LiveCurves
from blueoil.several import Several

if TYPE_CHECKING:
    from lmnet.settings import Settings
    from lmnet.training.trainer import TrainingResult

_INTERRUPTED = 130


@click.command("train")
@click.option("-c", "--config", type=click.Path(path_type=Path), metavar="FILE", help="Config file, .py or .yaml.")
@click.option(
    "-e",
    "--experiment_id",
    metavar="ID",
    help="Name of the experiment; one that exists goes on.  [default: CONFIG_TIME]",
)
@options.plugins
@click.option("--recreate", is_flag=True, help="Delete the experiment first when it exists.")
@click.option("--dry-run", is_flag=True, help="Say what the run will take and whether it converts; write nothing.")
@click.option("--minutes", type=click.FloatRange(0), metavar="N", help="Save and stop after them.")
@several.options
@options.output_dir
@options.as_json
@options.debug
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
def command(
    config: Path | None,
    experiment_id: str | None,
    plugins: tuple[Path, ...],
    recreate: bool,
    dry_run: bool,
    minutes: float | None,
    processes: int | None,
    process: int | None,
    coordinator: str | None,
    output_dir: Path,
    machine: bool,
    overrides: tuple[str, ...],
) -> int:
    """Train the network of a config file, or go on with an experiment.

    Ctrl-C finishes the step, saves a checkpoint and says how to go on. EARLY_STOP=N ends the run after N validations
    without a better mIoU. Validations draw overlays/latest.png in the experiment's folder again, and results.png where
    that takes a twentieth of the time or less; with FLOAT_START, the float twin's overlays lie in float/overlays.

    With --dry-run the dataset is checked, a few steps are run, and memory, time and what each target says of the
    network are told; where it could not be converted, the exit code is 1.

    Every GPU that is visible has a share of each batch; several machines share it where each is given the same command
    but for --process.

    \b
    Example:
      blueoil train -c config/camvid.py --dry-run
      blueoil train -c config/camvid.py
      blueoil train -c config/camvid.py max_steps=500 learning_rate=0.01
      blueoil train -c config/camvid.py early_stop=10 float_start=0.5
      blueoil train -c config/camvid.py --plugin my_network.py network=MineQuantize
      blueoil train -e camvid_20261122093000
    """
    console = Console(machine=machine)
    if dry_run:
        return _dry_run(config, experiment_id, output_dir, overrides, plugins, console)
    place = Several.of(processes, process, coordinator)
    place.choose_backend()
    seconds = math.inf if minutes is None else 60 * minutes
    if place.process:
        settings = several.settings_of(config, experiment_id, output_dir, overrides, plugins)
        return place.follow(settings, console, seconds=seconds)
    experiment, settings = prepare(config, experiment_id, output_dir, overrides, plugins, recreate=recreate)
    console.say(f"experiment: {experiment.folder}")
    for file in experiment.changed_plugins(settings):
        console.warn(f"Note: {file} has changed since the experiment began, which goes on with its copy")
    begin = time.monotonic()
    with experiment.lock():
        experiment.record_start()
        curves = LiveCurves(experiment.folder, experiment.id, console)
        result = _train(experiment, settings, curves, console, place=place, seconds=seconds)
        curves.draw()

    words = f"{experiment.id}{options.root_words()}{place.words()}"
    values = {
        "experiment": experiment.id,
        "folder": experiment.folder,
        "step": result.step,
        "finished": result.finished,
        "stopped_early": result.stopped_early,
    }
    if not result.finished:
        console.say(f"Stopped at step {result.step}; the checkpoint is saved.")
        console.say(f"To go on: blueoil train -e {words}")
        console.result(values)
        return _INTERRUPTED if time.monotonic() - begin < seconds else 0
    best = experiment.checkpoint().name
    miou = result.mean_iou
    if result.stopped_early:
        console.say(
            f"Ended early, at step {result.step}: no better mIoU in {settings.early_stop} validations (EARLY_STOP)."
        )
    console.say(f"validation mIoU {'-' if miou is None else percent(miou)}, best checkpoint {best}")
    console.say("Done")
    console.say(f"Next step: blueoil convert -e {experiment.id} -p {best}{options.root_words()}")
    console.result({**values, "mean_iou": miou, "checkpoint": best})
    return 0


def _dry_run(
    config: Path | None,
    id_: str | None,
    root: Path,
    overrides: Sequence[str],
    plugins: Sequence[Path],
    console: Console,
) -> int:
    """Say what the run of a config, or else of an experiment, will take; return the exit code."""
    from blueoil import dry_run
    from blueoil.config.load import load

    if config is None and id_ is None:
        raise nothing_to_train()
    if config is not None:
        settings = load(config, overrides, plugins=plugins)
        words = ["-c", str(config), *(word for file in plugins for word in ("--plugin", str(file))), *overrides]
    else:
        assert id_ is not None  # noqa: S101 - one of the two is given
        experiment = Experiment.open(root, id_)
        wanted = (*experiment.overrides, *overrides)
        settings = load(experiment.config, wanted, plugins=plugins, copies=experiment.plugins)
        words = ["-e", id_, *overrides]
    return dry_run.run(settings, console, shlex.join(["blueoil", "train", *words]) + options.root_words())


def _train(
    experiment: Experiment,
    settings: Settings,
    curves: LiveCurves,
    console: Console,
    *,
    place: Several,
    seconds: float,
) -> TrainingResult:
    """Run the trainer. A run that never came to its first step (a faulty dataset) leaves no folder behind."""
    place.start()
    from lmnet.training.events import Event, Started, StepDone, Validated
    from lmnet.training.trainer import train

    begun = False
    with TrainingProgress(console, interval=settings.summarise_steps) as progress:

        def report(event: Event) -> None:
            nonlocal begun
            begun = begun or isinstance(event, StepDone)
            if isinstance(event, Started):
                samples.keep(experiment.folder, event.validation)
            progress(event)
            if isinstance(event, Validated):
                curves.update()

        try:
            with place.joined():
                return train(settings, experiment.folder, report=report, seconds=seconds)
        except BaseException as error:
            told = hasattr(error, "exit_code") or isinstance(error, KeyboardInterrupt)
            first = len(experiment.environment["starts"]) == 1
            if told and first and not begun and not experiment.has_begun:
                experiment.remove()
            raise
