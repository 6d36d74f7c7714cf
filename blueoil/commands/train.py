"""``blueoil train``: config -> experiment with checkpoints and results."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blueoil import tensorflow_start
from blueoil.commands import options
from blueoil.console import Console, percent
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment, new_id
from blueoil.progress import TrainingProgress

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
@click.option("--recreate", is_flag=True, help="Delete the experiment first when it exists.")
@options.output_dir
@options.as_json
@options.debug
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
def command(
    config: Path | None,
    experiment_id: str | None,
    recreate: bool,
    output_dir: Path,
    machine: bool,
    overrides: tuple[str, ...],
) -> int:
    """Train the network of a config file, or go on with an experiment.

    Ctrl-C finishes the step, saves a checkpoint and says how to go on.

    \b
    Example:
      blueoil train -c config/camvid.py
      blueoil train -c config/camvid.py max_steps=500 learning_rate=0.01
      blueoil train -e camvid_20261122093000
    """
    console = Console(machine=machine)
    experiment, settings = _prepare(config, experiment_id, output_dir, overrides, recreate=recreate)
    console.say(f"experiment: {experiment.folder}")
    with experiment.lock():
        experiment.record_start()
        result = _train(experiment, settings, console)
        _draw(experiment)

    words = f"{experiment.id}{options.root_words()}"
    values = {
        "experiment": experiment.id,
        "folder": experiment.folder,
        "step": result.step,
        "finished": result.finished,
    }
    if not result.finished:
        console.say(f"Stopped at step {result.step}; the checkpoint is saved.")
        console.say(f"To go on: blueoil train -e {words}")
        console.result(values)
        return _INTERRUPTED
    best = experiment.checkpoint().name
    miou = result.mean_iou
    console.say(f"validation mIoU {'-' if miou is None else percent(miou)}, best checkpoint {best}")
    console.say("Done")
    console.say(f"Next step: blueoil convert -e {experiment.id} -p {best}{options.root_words()}")
    console.result({**values, "mean_iou": miou, "checkpoint": best})
    return 0


def _prepare(
    config: Path | None, id_: str | None, root: Path, overrides: Sequence[str], *, recreate: bool
) -> tuple[Experiment, Settings]:
    """Return the experiment, new or found, and its settings.

    Raises:
        BlueoilError: nothing to train, a config that can't be used, or one that differs from the experiment's.
    """
    from blueoil.config.load import load

    if config is None and id_ is None:
        raise BlueoilError("nothing to train", fix="blueoil train -c CONFIG, or blueoil train -e ID to go on")
    if id_ is None:
        assert config is not None  # noqa: S101 - one of the two is given
        settings = load(config, overrides)
        return _make(Experiment(root, new_id(config)), config, settings, overrides), settings
    experiment = Experiment(root, id_) if config else Experiment.open(root, id_)
    if not experiment.exists:
        assert config is not None  # noqa: S101 - open() raised otherwise
        settings = load(config, overrides)
        return _make(experiment, config, settings, overrides), settings

    stored = load(experiment.config, experiment.overrides)
    wanted = overrides if config or overrides else experiment.overrides
    settings = load(config or experiment.config, wanted)
    if recreate:
        return _remake(experiment, config or experiment.config, settings, wanted), settings
    if settings != stored:
        raise BlueoilError(
            f"experiment {id_} was started with another config",
            where=str(experiment.config),
            expected="the same values, or none",
            received=_difference(stored, settings),
            fix=f"blueoil train -e {id_} goes on with its own config; --recreate deletes it and starts anew",
        )
    return experiment, settings


def _make(experiment: Experiment, config: Path, settings: Settings, overrides: Sequence[str]) -> Experiment:
    experiment.create(config, seed=settings.seed, overrides=overrides)
    return experiment


def _remake(experiment: Experiment, config: Path, settings: Settings, overrides: Sequence[str]) -> Experiment:
    """Replace an experiment; the config may be its own, so it is kept aside first."""
    with tempfile.TemporaryDirectory() as aside:
        copy = Path(shutil.copy(config, aside))
        with experiment.lock():
            experiment.remove()
        return _make(experiment, copy, settings, overrides)


def _difference(stored: Settings, given: Settings) -> str:
    changed = [name for name in type(stored).model_fields if getattr(stored, name) != getattr(given, name)]
    return ", ".join(f"{name.upper()} {getattr(given, name)!r} for {getattr(stored, name)!r}" for name in changed)


def _train(experiment: Experiment, settings: Settings, console: Console) -> TrainingResult:
    """Run the trainer. A run that never came to its first step (a faulty dataset) leaves no folder behind."""
    tensorflow_start.start()
    from lmnet.training.events import Event, Started
    from lmnet.training.trainer import train

    with TrainingProgress(console, interval=settings.summarise_steps) as progress:

        def report(event: Event) -> None:
            if isinstance(event, Started):
                experiment.keep_samples(event.validation)
            progress(event)

        try:
            return train(settings, experiment.folder, report=report)
        except BaseException as error:
            told = hasattr(error, "exit_code") or isinstance(error, KeyboardInterrupt)
            first = len(experiment.environment["starts"]) == 1
            if told and first and not experiment.checkpoints():
                experiment.remove()
            raise


def _draw(experiment: Experiment) -> None:
    from blueoil.report.curves import draw

    results = experiment.folder / "results.csv"
    if results.is_file():
        draw(results, experiment.folder / "results.png", title=experiment.id)
