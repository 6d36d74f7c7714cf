"""``blueoil verify``: a converted checkpoint -> the proof, once more."""

from __future__ import annotations

from pathlib import Path

import click

from blueoil.commands import options
from blueoil.console import Console
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment
from blueoil.report import conversion


@click.command("verify")
@options.experiment_id
@options.checkpoint
@click.option("--image_size", nargs=2, type=int, metavar="H W", help="Input size.  [default: the config's]")
@options.output_dir
@options.as_json
@options.debug
def command(
    experiment_id: str, checkpoint: str | None, image_size: tuple[int, int] | None, output_dir: Path, machine: bool
) -> None:
    """Compare the packed libraries of a checkpoint with its graph again; exit code 3 when anything differs.

    \b
    Example:
      blueoil verify -e camvid_20261122093000
      blueoil verify -e camvid_20261122093000 -p save.ckpt-1000 --image_size 184 240
    """
    console = Console(machine=machine)
    experiment = Experiment.open(output_dir, experiment_id)
    folder = experiment.checkpoint(checkpoint)
    export = experiment.export_folder(folder.name, experiment.settings(image_size).image_size)
    if not (export / "output").is_dir():
        raise BlueoilError(
            "the checkpoint is not converted yet",
            where=str(export),
            fix=f"blueoil convert -e {experiment.id} -p {folder.name}{options.root_words()}",
        )

    from dlk.verify_package import verify_package

    with conversion.telling_failures(console):
        found = verify_package(export)
    values = conversion.tell(console, found)
    console.say(f"{export / 'output'} computes what was trained")
    console.result({"experiment": experiment.id, "checkpoint": folder.name, "output": export / "output", **values})
