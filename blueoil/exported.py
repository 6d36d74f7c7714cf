"""A checkpoint as an export folder: its graphs, and what it computes of some images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blueoil import tensorflow_start
from blueoil.console import Console
from blueoil.experiment import Experiment
from blueoil.pictures import read_images
from blueoil.samples import spread
from blueoil.zoo import at_dataset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmnet.settings import Settings


@dataclass(frozen=True, slots=True)
class Exported:
    """An export folder, the checkpoint that it was made of, and the settings, with the image size of the graphs."""

    folder: Path
    checkpoint: str
    settings: Settings


def export_checkpoint(
    experiment: Experiment,
    checkpoint: str | None,
    image_size: tuple[int, int] | None,
    data: Path | None,
    test_image: Path | None,
    console: Console,
) -> Exported:
    """Write the export folder of a checkpoint.

    checkpoint, image_size: as given on the command line; data: a dataset instead of the experiment's own images;
    test_image: one image instead of all of them.

    Raises:
        BlueoilError, LmnetError: there is no such checkpoint, the size does not fit, or an image cannot be read.
    """
    folder = experiment.checkpoint(checkpoint)
    settings = experiment.settings(image_size)
    images = read_images(_files(experiment, settings, data, test_image), settings.image_size)
    place = experiment.export_folder(folder.name, settings.image_size)
    console.say(f"Restore from {folder}")
    _write(experiment, folder, settings, images, place, console)
    return Exported(place, folder.name, settings)


def _files(experiment: Experiment, settings: Settings, data: Path | None, test_image: Path | None) -> Sequence[Path]:
    """Return the images to verify with: the one given, some of the given dataset, or those that the experiment has."""
    if test_image is not None:
        return [test_image]
    if data is None:
        return experiment.samples()
    from lmnet.datasets import open_dataset

    return [pair.image for pair in spread(open_dataset(at_dataset(settings, data)).validation.pairs)]


def _write(
    experiment: Experiment,
    checkpoint: Path,
    settings: Settings,
    images: NDArray[np.uint8],
    folder: Path,
    console: Console,
) -> None:
    start = time.perf_counter()
    tensorflow_start.start()
    console.stage("start", "TensorFlow", time.perf_counter() - start)
    from lmnet.export import export
    from lmnet.training.checkpoints import load

    start = time.perf_counter()
    model, state = load(checkpoint, compiled=False)
    folder.mkdir(parents=True, exist_ok=True)
    export(
        model,
        folder,
        settings=settings,
        classes=state.classes,
        images=images,
        experiment=experiment.id,
        checkpoint=checkpoint.name,
    )
    console.stage("export", f"{len(images)} reference images, {folder}", time.perf_counter() - start)
