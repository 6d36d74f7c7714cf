"""``blueoil predict``: images -> masks, overlaps, JSON and raw outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blueoil import tensorflow_start
from blueoil.commands import options
from blueoil.console import Console
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment
from blueoil.files import replacing, write_text

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from lmnet.settings import Settings

    Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_TASK = "IMAGE.SEMANTIC_SEGMENTATION"


@click.command("predict")
@click.option(
    "-i", "--input", "source", type=click.Path(path_type=Path), required=True, help="Folder of images, or one image."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the results.")
@options.experiment_id
@options.checkpoint
@click.option("--save_images/--no_save_images", default=True, show_default=True, help="Write masks and overlaps.")
@options.output_dir
@options.as_json
@options.debug
def command(
    source: Path,
    output: Path,
    experiment_id: str,
    checkpoint: str | None,
    save_images: bool,
    output_dir: Path,
    machine: bool,
) -> None:
    """Run a checkpoint on the JPEG and PNG images of a folder.

    Images are known by their content; subfolders are left out.

    Writes images/mask, images/overlap, json/N.json and npy/N.npy, N counting batches of the config's size.

    \b
    Example:
      blueoil predict -i photos -o predictions -e camvid_20261122093000
    """
    console = Console(machine=machine)
    images = find_images(source)
    experiment = Experiment.open(output_dir, experiment_id)
    folder = experiment.checkpoint(checkpoint)
    settings = experiment.settings()
    job = _Job(settings, experiment.classes(folder), output, save_images)

    tensorflow_start.start()
    from lmnet.evaluation.keras_runner import load as load_run

    console.say(f"Restore from {folder}")
    run = load_run(folder, settings)
    for number, batch in enumerate(_batches(images, settings.batch_size)):
        job.do(number, batch, run)
        console.say(f"{min((number + 1) * settings.batch_size, len(images))} of {len(images)} images")
    console.say(f"Result files are created: {output}")
    console.result({"output": output, "images": len(images), "checkpoint": folder.name})


def find_images(folder: Path) -> list[Path]:
    """Return the JPEG and PNG files of a folder, told by their first bytes, in the order of their names; or one file.

    Raises:
        BlueoilError: no folder, no image, or two images whose results would have the same name.
    """
    if not folder.exists():
        raise BlueoilError(f"there is no folder or file {folder}", expected="a folder of JPEG and PNG images")
    if folder.is_file():
        if not _is_image(folder):
            raise BlueoilError(f"{folder} is no image", expected="a JPEG or PNG file")
        return [folder]
    files = sorted(path for path in folder.iterdir() if path.is_file() and _is_image(path))
    if not files:
        raise BlueoilError(f"{folder} holds no image", expected="JPEG or PNG files, directly in the folder")
    stems = [path.stem for path in files]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise BlueoilError(
            "two images have the same name", where=str(folder), received=", ".join(twice), fix="rename one of each"
        )
    return files


@dataclass(frozen=True, slots=True)
class _Job:
    """What is done with every batch."""

    settings: Settings
    classes: tuple[str, ...]
    output: Path
    save_images: bool

    def do(self, number: int, batch: Sequence[Path], run: Run) -> None:
        """Predict a batch and write its files."""
        import numpy as np

        from lmnet.processors.images import ImageError, read_image
        from lmnet.processors.post import class_map
        from lmnet.processors.pre import PRE_PROCESSORS, resize
        from lmnet.processors.prediction import prediction_json, segmentation_result

        outputs, results = [], []
        for file in batch:
            try:
                image = read_image(file)
            except ImageError as error:
                raise BlueoilError(f"the image cannot be read: {error}", where=str(file)) from None
            pixels = PRE_PROCESSORS[self.settings.preprocessor](resize(image, self.settings.image_size))
            logits = run(pixels)
            classes = class_map(logits)
            outputs.append(logits)
            results.append(segmentation_result(str(file), classes, self.classes, image.shape[:2]))
            if self.save_images:
                self._pictures(file.stem, image, classes)
        document: dict[str, Any] = prediction_json(_TASK, self.classes, results)
        write_text(self.output / "json" / f"{number}.json", json.dumps(document, indent=2))
        with replacing(self.output / "npy" / f"{number}.npy") as temporary, temporary.open("wb") as stream:
            np.save(stream, np.stack(outputs), allow_pickle=False)

    def _pictures(self, stem: str, image: NDArray[np.uint8], classes: NDArray[np.uint8]) -> None:
        from PIL import Image

        from lmnet.processors.overlay import overlay
        from lmnet.processors.palette import class_colors, paint
        from lmnet.processors.pre import resize_classes

        colors = class_colors(self.classes)
        pictures = {
            "mask": paint(resize_classes(classes, (image.shape[0], image.shape[1])), colors),
            "overlap": overlay(image, classes, colors),
        }
        for kind, picture in pictures.items():
            with replacing(self.output / "images" / kind / f"{stem}.png") as temporary:
                Image.fromarray(picture).save(temporary, format="PNG")


def _is_image(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(8).startswith(_MAGIC)


def _batches(images: Sequence[Path], size: int) -> Iterator[Sequence[Path]]:
    for first in range(0, len(images), size):
        yield images[first : first + size]
