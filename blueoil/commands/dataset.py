"""``blueoil dataset``: draw a sample dataset, check one, tell what one holds, pack one into a file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blueoil.commands import options
from blueoil.console import Console
from blueoil.errors import BlueoilError
from blueoil.size import Size

if TYPE_CHECKING:
    from lmnet.settings import Settings

_config = click.option(
    "-c", "--config", type=click.Path(path_type=Path), metavar="FILE", help="Config file of the dataset."
)


@click.group("dataset")
def command() -> None:
    """Draw a sample dataset, check one, tell what one holds, or pack one to carry it to another machine.

    \b
    Example:
      blueoil dataset sample CamVid
      blueoil dataset check config/camvid.py
      blueoil dataset stats CamVid
      blueoil dataset pack -c config/camvid.py camvid.tar
    """


@command.command("sample")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--train", type=click.IntRange(1, 100_000), default=48, show_default=True, help="Training images.")
@click.option("--validation", type=click.IntRange(1, 100_000), default=12, show_default=True, help="Validation images.")
@click.option("--size", type=Size(), default="96x128", show_default=True, help="Height x width in pixels.")
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

    draw_dataset(folder, train=train, validation=validation, size=size, seed=seed)
    console = Console(machine=machine)
    console.say(f"{train} training and {validation} validation images are drawn in {folder}")
    words = shlex.join([f"train_path={folder}", f"validation_path={folder}"])
    console.say(f"Next step: blueoil init -o config/sample.py --defaults {words}")
    console.result({"folder": folder, "train": train, "validation": validation, "size": list(size), "seed": seed})


@command.command("check")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@_config
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
    settings = _settings(path, config, "check")
    from lmnet.datasets import open_dataset

    dataset = open_dataset(settings)
    console = Console(machine=machine)
    console.say(f"{len(dataset.train)} training and {len(dataset.validation)} validation images, no fault found")
    console.say(f"{len(dataset.classes)} classes: {', '.join(dataset.classes)}")
    console.result(
        {"train": len(dataset.train), "validation": len(dataset.validation), "classes": list(dataset.classes)}
    )


@command.command("stats")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@_config
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.png", help="Draw a bar chart.")
@options.as_json
@options.debug
def stats(path: Path | None, config: Path | None, plot: Path | None, machine: bool) -> None:
    """Count the pixels of each class, and tell the means of the colours.

    PATH is the folder of a dataset, or a config file that names it. Pictures of a folder are counted at the size of the
    first one, those of a config at the size that it gives.

    \b
    Example:
      blueoil dataset stats CamVid
      blueoil dataset stats -c config/camvid.py --plot classes.png
    """
    settings = _settings(path, config, "stats")
    from blueoil.report import statistics as report
    from lmnet.datasets import open_dataset
    from lmnet.datasets.statistics import statistics

    if plot is not None and plot.suffix.lower() != ".png":
        raise BlueoilError(f"{plot} is no name for the chart", expected="a name that ends in .png")
    dataset = open_dataset(settings)
    found = {split.name: statistics(split, len(dataset.classes)) for split in (dataset.train, dataset.validation)}
    console = Console(machine=machine)
    height, width = settings.image_size
    console.say(f"{len(dataset.train)} training and {len(dataset.validation)} validation images at {height}x{width}")
    report.tell(console, dataset.classes, found)
    values = {"image_size": [height, width], **report.document(dataset.classes, found)}
    if plot is not None:
        report.draw(dataset.classes, found, plot, title=str(path or config))
        console.say(f"The chart is in {plot}")
        values["plot"] = plot
    console.result(values)


@command.command("pack")
@click.option(
    "-c", "--config", type=click.Path(path_type=Path), required=True, metavar="FILE", help="Config file of the dataset."
)
@click.option("--part_mib", type=click.IntRange(1), metavar="N", help="Write parts of at most N MiB.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@options.as_json
@options.debug
def pack(config: Path, part_mib: int | None, file: Path, overrides: tuple[str, ...], machine: bool) -> None:
    """Write what a config's training sees of a dataset into FILE.

    Images and masks have the config's image size, both splits are written down, classes are in their order. It unpacks
    into a dataset in the format CamvidCustom.

    \b
    Example:
      blueoil dataset pack -c config/camvid.py camvid.tar
      blueoil dataset pack -c config/camvid.py camvid.tar --part_mib 16
    """
    from blueoil.config.load import load
    from lmnet.datasets import open_dataset
    from lmnet.datasets import pack as packed

    dataset = open_dataset(load(config, overrides))
    written = packed.pack(dataset, file, part_bytes=part_mib and part_mib * 2**20)
    size = sum(path.stat().st_size for path in written)
    console = Console(machine=machine)
    console.say(f"{len(dataset.train)} training and {len(dataset.validation)} validation images, {size / 1e6:.1f} MB")
    console.say(f"They are in {written[0]}{f' and {len(written) - 1} more parts' if written[1:] else ''}")
    console.say(f"Next step: blueoil dataset unpack {shlex.quote(str(file))} CamVid, on the other machine")
    console.result({"files": written, "bytes": size})


@command.command("unpack")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@options.as_json
@options.debug
def unpack(file: Path, folder: Path, machine: bool) -> None:
    """Unpack FILE, or its parts, into FOLDER, which must be new or empty.

    \b
    Example:
      blueoil dataset unpack camvid.tar CamVid
    """
    from lmnet.datasets import pack as packed

    packed.unpack(packed.read(file), folder)
    console = Console(machine=machine)
    console.say(f"The dataset is unpacked in {folder}")
    words = shlex.join([f"train_path={folder}", f"validation_path={folder}"])
    console.say(f"Next step: blueoil train -c CONFIG {words}")
    console.result({"folder": folder})


def _settings(path: Path | None, config: Path | None, verb: str) -> Settings:
    """Return settings that open the dataset of a folder, at the size of its first picture, or of a config file.

    Raises:
        BlueoilError: both or none are given, or there is no such file.
    """
    from blueoil.config.load import load
    from lmnet import limits
    from lmnet.datasets.camvid import first_size
    from lmnet.networks import architecture
    from lmnet.settings import Settings

    target = config or path
    if target is None or (config and path):
        raise BlueoilError(
            f"nothing to {verb}", expected="one dataset folder or config file", fix=f"blueoil dataset {verb} DIR"
        )
    if config is None and not target.exists():
        raise BlueoilError(
            f"there is no folder or file {target}",
            expected="a dataset folder, or a config file",
            fix=f"correct the path, or draw a sample dataset: blueoil dataset sample {shlex.quote(str(target))}",
        )
    if config is not None or not target.is_dir():
        return load(target)
    validation = target if (target / "val.txt").is_file() else None
    settings = Settings.model_validate({"train_path": target, "validation_path": validation})
    size = limits.fitting(first_size(target) or settings.image_size, architecture(settings.network)[0].size_multiple)
    return settings.model_copy(update={"image_size": size})
