"""``blueoil convert``: checkpoint -> graphs, native libraries, package, and the proof that they are equal."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from blueoil import board
from blueoil.commands import options
from blueoil.console import Console, duration
from blueoil.errors import BlueoilError
from blueoil.exported import export_checkpoint
from blueoil.report import conversion

if TYPE_CHECKING:
    from dlk.convert import Conversion
    from dlk.frontends.support import Floats

SEGMENTATION = "IMAGE.SEMANTIC_SEGMENTATION"
_OPTIONAL_TARGETS = ("fpga",)  # of the default ones: left out where the network does not fit
_DEFAULT_TARGETS = ",".join(("x86", "arm", "aarch64", *_OPTIONAL_TARGETS))


@click.command("convert")
@options.experiment_or_zoo
@options.zoo
@options.data("whose validation images are verified with.  [default: drawn scenes]")
@options.checkpoint
@click.option("--image_size", nargs=2, type=int, metavar="H W", help="Input size.  [default: the config's]")
@click.option(
    "--target", default=_DEFAULT_TARGETS, show_default=True, metavar="NAME[,NAME]", help="Libraries to build."
)
@click.option(
    "--test_image", type=click.Path(path_type=Path), help="Image to verify with.  [default: some validation images]"
)
@click.option(
    "--graph",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A graph instead: a frozen TensorFlow graph (.pb) or ONNX (.onnx); goes with -o.",
)
@click.option(
    "--meta",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --graph: its meta.yaml.  [default: DivideBy255, numbered classes]",
)
@click.option("--input-shape", metavar="N,H,W,C", help="With --graph: of its input, where the graph leaves it open.")
@click.option("--allow-float", is_flag=True, help="With --graph: take one of which most runs in float.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --graph: the folder to write into.",
)
@click.option(
    "--boot",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Boot files of the board to pack for the target fpga.  [default: build/boot, if there]",
)
@click.option(
    "--bitstream",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.rbf",
    help="FPGA image to pack.  [default: build/bitstream/soc_system.rbf, if there]",
)
@options.output_dir
@options.as_json
@options.debug
@click.pass_context
def command(
    context: click.Context,
    experiment_id: str | None,
    zoo: str | None,
    data: Path | None,
    checkpoint: str | None,
    image_size: tuple[int, int] | None,
    target: str,
    test_image: Path | None,
    graph: Path | None,
    meta: Path | None,
    input_shape: str | None,
    allow_float: bool,
    output: Path | None,
    boot: Path | None,
    bitstream: Path | None,
    output_dir: Path,
    machine: bool,
) -> None:
    """Make the native libraries of a checkpoint, prove them equal to it, and pack them for the device.

    \b
    Example:
      blueoil convert -e camvid_20261122093000
      blueoil convert -e camvid_20261122093000 -p save.ckpt-1000 --target x86 --image_size 184 240
      blueoil convert --zoo camvid.npz --data CamVid
      blueoil convert --graph minimal_graph_with_shape.pb --meta meta.yaml -o converted
    """
    console = Console(machine=machine)
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever it was trained on: the frozen graph is TensorFlow's
    started = time.perf_counter()
    targets = parse_targets(target)
    optional = optional_targets(context)
    board_files = board.find(targets, boot, bitstream)
    if graph is None:
        if foreign := [name for name, given in _graph_options(meta, input_shape, allow_float, output) if given]:
            raise click.UsageError(f"{', '.join(foreign)}: only with --graph")
        if data is not None and zoo is None:
            raise click.UsageError("--data goes with --zoo; an experiment keeps images of its own")
        experiment = options.subject(experiment_id, zoo, output_dir, console)
        exported = export_checkpoint(experiment, checkpoint, image_size, data, test_image, console)
        export_folder, names = exported.folder, {"experiment": experiment.id, "checkpoint": exported.checkpoint}
    else:
        if output is None or experiment_id or zoo or data or checkpoint or image_size:
            raise click.UsageError("--graph goes with -o, and with no experiment, its checkpoint or its size")
        from blueoil.graphs import prepare

        pictures = [test_image] if test_image is not None else []
        names, export_folder = prepare(graph, output, meta=meta, shape=input_shape, pictures=pictures, console=console)

    import lmnet.processors
    from blueoil.report import conversion_page
    from dlk.convert import convert

    console.say(f"building {', '.join(targets)} side by side: up to a minute")
    with conversion.telling_failures(console):
        result = convert(
            export_folder.resolve(),
            targets=targets,
            optional=optional,
            processors=Path(lmnet.processors.__file__).parent,
            report=console.stage,
            board=board_files,
            floats=_floats(graph, allow_float),
            page=conversion_page.page,
        )
    values = conversion.tell(console, result.verification)
    if result.latency_ms is not None:
        console.say(f"latency {result.latency_ms:.2f} ms an image on one thread of this machine")
    seconds = time.perf_counter() - started
    console.say(f"converted in {duration(seconds)}; stages that ran side by side share the processor")
    if result.float_layers:
        console.say(f"layers in float: {', '.join(result.float_layers)}")
    for name, error in result.left_out.items():
        console.say(f"Note: the library for {name} is left out, since {error.what}: {error.received}")
    library = next(iter(result.libraries.values())).name
    package, report = export_folder / "output", export_folder / result.report.name
    packed = board.tell(console, board_files if board.TARGET in result.libraries else None, package / "fpga")
    console.say(f"Report: {report}")
    console.say(f"Output files are generated in {package}")
    console.say(f"Please see {package}/README.md to run prediction")
    what = "-i IMAGE" if names.get("task", SEGMENTATION) == SEGMENTATION else "--self-test"
    words = f"python run.py {what} -m ../models/lib/{library} -c ../models/meta.yaml"
    console.say(f"Next step: cd {shlex.quote(str(package / 'python'))} && {words}")
    console.result(
        {
            **names,
            "output": package,
            "report": report,
            **values,
            "seconds": seconds,
            **_timings(result),
            "left_out": {name: error.received for name, error in result.left_out.items()},
            "float_layers": list(result.float_layers),
            **packed,
        }
    )


def _graph_options(*given: object) -> list[tuple[str, object]]:
    return list(zip(("--meta", "--input-shape", "--allow-float", "-o"), given, strict=True))


def _floats(graph: Path | None, allow_float: bool) -> Floats:
    """Return which layers may run in float: of a trained network the ends alone."""
    from dlk.frontends.support import Floats

    if graph is None:
        return Floats.ENDS
    return Floats.ANY if allow_float else Floats.FEW


def _timings(result: Conversion) -> dict[str, Any]:
    memory = {name: asdict(use) for name, use in result.memory.items()}
    return {
        "latency_ms": result.latency_ms,
        "memory_bytes": memory,
        "stages": [asdict(stage) for stage in result.stages],
    }


def parse_targets(text: str) -> tuple[str, ...]:
    """Return the names of the libraries to build, in order, each once.

    Raises:
        BlueoilError: an unknown name, or nothing left to build.
    """
    from dlk.targets import TARGETS

    wanted = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in wanted if name not in TARGETS]
    if unknown or not wanted:
        raise BlueoilError(
            "there is no such target" if unknown else "no target is named",
            where="--target",
            expected=f"some of {', '.join(TARGETS)}, separated by commas",
            received=text,
        )
    return wanted


def optional_targets(context: click.Context) -> tuple[str, ...]:
    """Return the targets that are left out where the network does not fit: none where they were asked for by name."""
    return _OPTIONAL_TARGETS if context.get_parameter_source("target") is ParameterSource.DEFAULT else ()
