"""``blueoil export``: checkpoint -> one ONNX or QONNX file for other tools, and the proof that it computes the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blueoil.commands import options
from blueoil.console import Console
from blueoil.errors import BlueoilError
from blueoil.exported import export_checkpoint

if TYPE_CHECKING:
    from dlk.interchange.write import Written

_FORMATS = ("onnx", "qonnx")  # held to dlk.interchange by a test, so that --help needs no import of onnx


@click.command("export")
@options.experiment_or_zoo
@options.zoo
@options.data("whose validation images the file is proved with.  [default: drawn scenes]")
@options.checkpoint
@click.option("--image_size", nargs=2, type=int, metavar="H W", help="Input size.  [default: the config's]")
@click.option("--format", "name", type=click.Choice(_FORMATS), default="onnx", show_default=True, help="Kind of file.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write.  [default: ID.onnx or ID.qonnx.onnx in the export folder]",
)
@options.output_dir
@options.as_json
@options.debug
def command(
    experiment_id: str | None,
    zoo: str | None,
    data: Path | None,
    checkpoint: str | None,
    image_size: tuple[int, int] | None,
    name: str,
    output: Path | None,
    output_dir: Path,
    machine: bool,
) -> None:
    """Write a checkpoint as one file for other tools.

    onnx has standard operators only, and any ONNX runtime runs it. qonnx has the quantizers as QONNX nodes, for FINN
    and hls4ml. The file is run on images, and every layer's codes are compared with the trained network's: what
    differs by more than the rounding of float32 is refused. The input is the pre-processed image, float32 [1,H,W,3].

    \b
    Example:
      blueoil export -e camvid_20261122093000
      blueoil export -e camvid_20261122093000 --format qonnx -o camvid.qonnx.onnx
      blueoil export --zoo camvid_unet --data CamVid
    """
    console = Console(machine=machine)
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever it was trained on: the frozen graph is TensorFlow's
    if data is not None and zoo is None:
        raise click.UsageError("--data goes with --zoo; an experiment keeps images of its own")
    if output is not None and not output.absolute().parent.is_dir():
        raise BlueoilError(
            "the folder for the file does not exist", where=str(output), fix=f"mkdir -p {output.absolute().parent}"
        )
    experiment = options.subject(experiment_id, zoo, output_dir, console)
    exported = export_checkpoint(experiment, checkpoint, image_size, data, None, console)
    graphs, settings = exported.folder, exported.settings

    from dlk.interchange import FORMATS
    from dlk.interchange.write import write
    from lmnet.export.exporter import ONNX, REFERENCE

    kind = FORMATS[name]
    path = output or graphs / f"{experiment.id}{kind.suffix}"
    console.say(f"{name}: {kind.meaning}")
    written = write(graphs / ONNX, graphs / REFERENCE, path, kind)
    facts = _tell(console, written, kind.package)
    height, width = settings.image_size
    console.say(
        f"{path}: {path.stat().st_size / 1e6:.1f} MB, float32 [1,{height},{width},3] after {settings.preprocessor}"
    )
    console.say(f"Next step: blueoil convert -e {experiment.id} -p {exported.checkpoint}{options.root_words()}")
    console.result(
        {"experiment": experiment.id, "checkpoint": exported.checkpoint, "format": name, "file": path, **facts}
    )


def _tell(console: Console, written: Written, package: str) -> dict[str, Any]:
    """Say what the proof found; return it as values."""
    proof = written.proof
    if proof is None:
        console.say(f"Note: the file was not run: pip install '.[{package}]' in the source tree brings what is missing")
        return {"proved": False}
    values = sum(layer.values for layer in proof.layers)
    differing = sum(layer.differing for layer in proof.layers)
    console.say(
        f"proved with {package}: {values:,} codes of {proof.images} images, {differing:,} of them apart by rounding,"
        f" none by more; the same class in {proof.agreement:.2%} of pixels"
    )
    return {
        "proved": True,
        "executor": package,
        "images": proof.images,
        "codes": values,
        "codes_rounded_apart": differing,
        "class_agreement": proof.agreement,
    }
