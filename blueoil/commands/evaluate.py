"""``blueoil evaluate``: a checkpoint or its library on the validation images -> scores."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from blueoil.backends import BACKENDS, Place
from blueoil.commands import options
from blueoil.console import Console, percent
from blueoil.errors import BlueoilError
from blueoil.experiment import step_of
from blueoil.files import replacing, write_text
from blueoil.zoo import at_dataset


@click.command("evaluate")
@options.experiment_or_zoo
@options.zoo
@options.data("whose validation images are scored.")
@options.checkpoint
@click.option(
    "--backend",
    type=click.Choice(list(BACKENDS)),
    default="keras",
    show_default=True,
    help="What runs: the trained model, the exported graph, or the built library.",
)
@options.output_dir
@options.as_json
@options.debug
def command(
    experiment_id: str | None,
    zoo: str | None,
    data: Path | None,
    checkpoint: str | None,
    backend: str,
    output_dir: Path,
    machine: bool,
) -> None:
    """Measure a checkpoint on the validation images: IoU of each class, mIoU, pixel accuracy, confusion matrix.

    The scores go to evaluate/CHECKPOINT_BACKEND.json in the experiment. Beside them lie the confusion matrix as a
    picture, and a picture of four of the images with their labels and what was predicted.

    \b
    Example:
      blueoil evaluate -e camvid_20261122093000
      blueoil evaluate -e camvid_20261122093000 -p save.ckpt-1000 --backend x86
      blueoil evaluate --zoo camvid.npz --data CamVid
    """
    console = Console(machine=machine)
    if (zoo is None) != (data is None):
        raise click.UsageError("--zoo and --data go together: a trained network has no dataset, an experiment has one")
    experiment = options.subject(experiment_id, zoo, output_dir, console)
    settings = experiment.settings()
    if data is not None:
        settings = at_dataset(settings, data)
    folder = experiment.checkpoint(checkpoint)

    import numpy as np

    from blueoil.report import confusion
    from blueoil.report.scores import document, tell
    from lmnet.datasets import open_dataset
    from lmnet.evaluation.pictures import grid, pictures
    from lmnet.evaluation.runner import evaluate

    export = experiment.export_folder(folder.name, settings.image_size)
    run = BACKENDS[backend](Place(experiment, folder, export, options.root_words()))
    dataset = open_dataset(settings)
    _same_classes(experiment.classes(folder), dataset.classes)
    console.say(f"{folder.name} by {backend} on {len(dataset.validation)} validation images")
    found = evaluate(run, dataset.validation, settings.preprocessor)

    target = experiment.scores_file(folder.name, backend)
    heading = {"experiment": experiment.id, "checkpoint": folder.name, "step": step_of(folder.name)}
    place = str(settings.validation_path or settings.train_path)
    measured = {"backend": backend, "dataset": place, "split": "validation", "images": len(dataset.validation)}
    values = {**heading, **measured, **document(dataset.classes, found.matrix, found.scores)}
    write_text(target, json.dumps(values, indent=2) + "\n")
    picture = target.with_suffix(".png")
    confusion.draw(found.matrix, dataset.classes, picture, title=f"{experiment.id}, {folder.name}, {backend}")
    examples = target.with_name(f"{target.stem}_pictures.png")
    shown = pictures(
        lambda images: np.stack([run(image) for image in images]),
        dataset.validation,
        settings.preprocessor,
        dataset.classes,
    )
    title = f"{folder.name} by {backend}    validation mIoU {percent(found.scores.mean_iou)}"
    with replacing(examples) as temporary:
        grid(shown, dataset.classes, title).save(temporary, format="PNG")
    tell(console, dataset.classes, found.matrix, found.scores)
    console.say(f"Scores are in {target}")
    console.say(f"The confusion matrix is in {picture}, some of the images in {examples}")
    if backend == "keras":
        console.say(f"Next step: blueoil convert -e {experiment.id} -p {folder.name}{options.root_words()}")
    console.result({**values, "file": target, "picture": picture, "examples": examples})


def _same_classes(trained: Sequence[str], found: Sequence[str]) -> None:
    """Raise BlueoilError where the dataset no longer has the classes that the checkpoint learned."""
    if tuple(trained) != tuple(found):
        raise BlueoilError(
            "the dataset has other classes than the checkpoint",
            expected=", ".join(trained),
            received=", ".join(found),
            fix="bring back the dataset of the training, or train again",
        )
