"""``blueoil dataset``: draw a sample dataset, check one."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from blueoil.commands import options
from blueoil.console import Console
from blueoil.errors import BlueoilError


@click.group("dataset")
def command() -> None:
    """Draw a sample dataset, or check one.

    \b
    Example:
      blueoil dataset sample CamVid
      blueoil dataset check config/camvid.py
    """


@command.command("sample")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--train", type=click.IntRange(1, 100_000), default=48, show_default=True, help="Training images.")
@click.option("--validation", type=click.IntRange(1, 100_000), default=12, show_default=True, help="Validation images.")
@click.option("--size", type=options.Size(), default="96x128", show_default=True, help="Height x width in pixels.")
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed draws the same scenes."
)
@options.as_json
@options.debug
def sample(folder: Path, train: int, validation: int, size: tuple[int, int], seed: int, machine: bool) -> None:
    """Draw street scenes with their labels.

    They go into FOLDER, which must be new or empty, in the format CamvidCustom.

    \b
    Example:
      blueoil dataset sample CamVid --train 48 --validation 12 --size 96x128 --seed 1
    """
    from lmnet.datasets.sample import draw_dataset

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BlueoilError(f"{folder} is not empty", fix="choose a new folder, or remove that one first")
    draw_dataset(folder, train=train, validation=validation, size=size, seed=seed)
    console = Console(machine=machine)
    console.say(f"{train} training and {validation} validation images are drawn in {folder}")
    words = shlex.join([f"train_path={folder}", f"validation_path={folder}"])
    console.say(f"Next step: blueoil init -o config/sample.py --defaults {words}")
    console.result({"folder": folder, "train": train, "validation": validation, "size": list(size), "seed": seed})


@command.command("check")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("-c", "--config", type=click.Path(path_type=Path), metavar="FILE", help="Config file of the dataset.")
@options.as_json
@options.debug
def check(path: Path | None, config: Path | None, machine: bool) -> None:
    """Check every file of a dataset.

    PATH is its folder, or a config file that names it.

    \b
    Example:
      blueoil dataset check CamVid
      blueoil dataset check -c config/camvid.py
    """
    from blueoil.config.load import load
    from lmnet.datasets.camvid import open_dataset
    from lmnet.settings import Settings

    target = config or path
    if target is None or (config and path):
        raise BlueoilError(
            "nothing to check", expected="one dataset folder or config file", fix="blueoil dataset check DIR"
        )
    if config is None and not target.exists():
        raise BlueoilError(
            f"there is no folder or file {target}",
            expected="a dataset folder, or a config file",
            fix=f"correct the path, or draw a sample dataset: blueoil dataset sample {shlex.quote(str(target))}",
        )
    if config is None and target.is_dir():
        validation = target if (target / "val.txt").is_file() else None
        settings = Settings.model_validate({"train_path": target, "validation_path": validation})
    else:
        settings = load(target)
    dataset = open_dataset(settings)
    console = Console(machine=machine)
    console.say(f"{len(dataset.train)} training and {len(dataset.validation)} validation images, no fault found")
    console.say(f"{len(dataset.classes)} classes: {', '.join(dataset.classes)}")
    console.result(
        {"train": len(dataset.train), "validation": len(dataset.validation), "classes": list(dataset.classes)}
    )
