"""``blueoil zoo``: list the trained networks that come along, or pack a checkpoint into such a file."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blueoil import lineage, tensorflow_start
from blueoil.commands import options
from blueoil.console import Console, percent
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment, step_of
from blueoil.files import replacing

if TYPE_CHECKING:
    from lmnet.settings import Settings
    from lmnet.zoo.archive import Facts


@click.group("zoo")
def command() -> None:
    """List the trained networks that come along, or pack a checkpoint into such a file.

    \b
    Example:
      blueoil zoo list
      blueoil zoo pack -e camvid_20261122093000 -o camvid.npz
      blueoil convert --zoo camvid.npz
    """


@command.command("list")
@options.as_json
@options.debug
def list_networks(machine: bool) -> None:
    """List the trained networks that come along with this version.

    \b
    Example:
      blueoil zoo list --json
    """
    from lmnet import zoo
    from lmnet.zoo.archive import read

    console = Console(machine=machine)
    found = []
    for name in zoo.names():
        file = zoo.find(name)
        archive = read(file)
        settings = archive.settings
        found.append(
            {
                "name": name,
                "network": settings.network,
                "image_size": list(settings.image_size),
                "classes": list(archive.classes),
                "bytes": file.stat().st_size,
                **archive.facts.model_dump(),
            }
        )
    if not found:
        console.say("No network comes along with this version.")
    else:
        rows = [
            [
                entry["name"],
                entry["network"],
                "x".join(map(str, entry["image_size"])),
                str(len(entry["classes"])),
                f"{entry['bytes'] / 1024:.0f}",
                percent(entry["mean_iou"]),
                str(entry["dataset"]),
            ]
            for entry in found
        ]
        console.table(["name", "network", "pixels", "classes", "KiB", "mIoU", "of"], rows)
        console.say(f"Next step: blueoil convert --zoo {found[0]['name']}")
    console.result({"networks": found})


@command.command("pack")
@options.experiment_id
@options.checkpoint
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write, *.npz.  [default: EXPERIMENT.npz]",
)
@click.option("--note", default="", metavar="TEXT", help="What else is to be said of the network.")
@options.output_dir
@options.as_json
@options.debug
def pack_checkpoint(
    experiment_id: str, checkpoint: str | None, output: Path | None, note: str, output_dir: Path, machine: bool
) -> None:
    """Pack a checkpoint into a file with 1 bit a binary weight, together with its scores.

    The network in the file computes the same as the checkpoint, bit for bit. For the networks that come along the
    files lie in lmnet/zoo/.

    \b
    Example:
      blueoil evaluate -e camvid_20261122093000
      blueoil zoo pack -e camvid_20261122093000 -o camvid.npz
    """
    from lmnet.zoo import SUFFIX

    console = Console(machine=machine)
    experiment = Experiment.open(output_dir, experiment_id)
    folder = experiment.checkpoint(checkpoint)
    settings = experiment.settings()
    target = output or Path(f"{experiment.id}{SUFFIX}")
    if target.suffix != SUFFIX:
        raise BlueoilError("the file has another ending", expected=f"*{SUFFIX}", received=str(target))
    facts = _facts(experiment, folder, settings, note=note)

    tensorflow_start.start()
    from lmnet.training.checkpoints import load
    from lmnet.zoo.packing import pack

    model, state = load(folder, compiled=False)
    data = pack(model, settings, state.classes, facts)
    with replacing(target) as temporary:
        temporary.write_bytes(data)
    console.say(f"{settings.network}, {facts}")
    console.say(f"{folder.name} is packed in {target}, {len(data) / 1024:.0f} KiB")
    console.say(f"Next step: blueoil convert --zoo {shlex.quote(str(target))}")
    console.result(
        {
            "experiment": experiment.id,
            "checkpoint": folder.name,
            "file": target,
            "bytes": len(data),
            "facts": facts.model_dump(),
        }
    )


def _facts(experiment: Experiment, checkpoint: Path, settings: Settings, *, note: str) -> Facts:
    """Return what is known of a checkpoint: its scores above all, and what its training took.

    Raises:
        BlueoilError: it is not evaluated yet.
    """
    from lmnet.zoo.archive import Facts

    file = experiment.scores_file(checkpoint.name, "keras")
    if not file.is_file():
        raise BlueoilError(
            "the checkpoint has no scores yet, which belong into the file",
            where=str(file),
            fix=f"blueoil evaluate -e {experiment.id} -p {checkpoint.name}{options.root_words()}",
        )
    scores = json.loads(file.read_text(encoding="utf-8"))
    measured = {name: scores[name] for name in ("split", "images", "mean_iou", "pixel_accuracy", "iou")}
    dataset = Path(scores["dataset"]).resolve().name  # the folder's name alone: the file goes to other machines
    before = lineage.before(experiment.folder, settings)
    whole = lineage.so_far(experiment.folder) + before
    return Facts(
        step=step_of(checkpoint.name),
        steps_before=before.steps,
        seconds=round(whole.seconds),
        cpu_seconds=round(whole.cpu_seconds),
        dataset=dataset,
        note=note,
        **measured,
    )
