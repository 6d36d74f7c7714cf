"""A trained network from a small file as an experiment, so that every verb takes it as one."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from blueoil import samples, tensorflow_start
from blueoil.console import Console
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment
from lmnet.zoo import find

if TYPE_CHECKING:
    from lmnet.settings import Settings

_SMALLEST_SCENE = 32


def experiment_of(name: str, root: Path, console: Console) -> Experiment:
    """Return the experiment ``zoo_NAME`` under ``root``, made from the network's file unless it is there already.

    Its samples are drawn scenes. One that was made from another file of that name is made anew.

    Raises:
        BlueoilError: an experiment of that name was trained here.
        LmnetError: there is no such network, or its file cannot be used.
    """
    file = find(name)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    experiment = Experiment(root, f"zoo_{file.stem}")
    if experiment.exists:
        record = experiment.environment.get("zoo")
        if record is None:
            raise BlueoilError(
                f"experiment {experiment.id} exists already, and is not made from a trained network",
                where=str(experiment.folder),
                fix="rename it, or give another --output_dir",
            )
        if record.get("sha256") == digest and experiment.checkpoints():
            return experiment
        experiment.remove()
    _make(experiment, file, digest, console)
    return experiment


def at_dataset(settings: Settings, folder: Path) -> Settings:
    """Return the settings with a dataset's folder; without a val.txt a tenth of its training images is held out."""
    validation = folder if (folder / "val.txt").is_file() else None
    return settings.model_copy(update={"train_path": folder, "validation_path": validation})


def _make(experiment: Experiment, file: Path, digest: str, console: Console) -> None:
    tensorflow_start.start()
    from blueoil.config.render import render
    from lmnet.datasets import open_dataset
    from lmnet.datasets.sample import draw_dataset
    from lmnet.training import checkpoints
    from lmnet.zoo.packing import unpack

    model, settings, classes, facts = unpack(file)
    with tempfile.TemporaryDirectory() as name:
        aside = Path(name)
        config = aside / "config.yaml"
        text = render(settings, name=experiment.id, suffix=config.suffix, made_by="blueoil --zoo")
        config.write_text(text, encoding="utf-8")
        height, width = (max(_SMALLEST_SCENE, side) for side in settings.image_size)
        draw_dataset(aside / "drawn", train=1, validation=samples.SAMPLES, size=(height, width))
        experiment.create(config, seed=settings.seed, zoo={"sha256": digest, **facts.model_dump()})
        samples.keep(experiment.folder, open_dataset(at_dataset(settings, aside / "drawn")).validation)
    state = checkpoints.CheckpointState(
        step=facts.step,
        network=settings.network,
        classes=classes,
        train_images=0,
        mean_iou=facts.mean_iou,
        best=None,
        best_mean_iou=None,
        seconds=facts.seconds,
        cpu_seconds=facts.cpu_seconds,
    )
    checkpoints.save(model, experiment.folder / checkpoints.FOLDER, state)  # last: an experiment with it is whole
    console.say(f"{settings.network} from {file.name}: {facts}; it is experiment {experiment.id} now")
