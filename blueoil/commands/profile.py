"""``blueoil profile``: a built library -> the time of each layer beside what the machine could do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from blueoil.backends import Place
from blueoil.commands import options
from blueoil.console import Console
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment

_PAGE = "profile.html"


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is profiled: the library, where its report goes by default, a title, and the command to type next."""

    library: Path
    folder: Path
    title: str
    next_step: str


@click.command("profile")
@click.option("-e", "--experiment_id", metavar="ID", help="Experiment, as printed by train; or give --library.")
@options.checkpoint
@click.option("--image_size", nargs=2, type=int, metavar="H W", help="Input size.  [default: the config's]")
@click.option("--library", type=click.Path(dir_okay=False, path_type=Path), help="A library of a package instead.")
@click.option("--isa", metavar="NAME", help="Instruction set, such as sse2.  [default: the best of this machine]")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads of the library.")
@click.option("--runs", type=click.IntRange(min=1), default=20, show_default=True, help="Runs to take medians of.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Page to write.  [default: {_PAGE} beside the package]",
)
@options.output_dir
@options.as_json
@options.debug
def command(
    experiment_id: str | None,
    checkpoint: str | None,
    image_size: tuple[int, int] | None,
    library: Path | None,
    isa: str | None,
    threads: int,
    runs: int,
    output: Path | None,
    output_dir: Path,
    machine: bool,
) -> None:
    """Time each layer of a built library and compare it with what this machine could do.

    Prints a table and writes a page with a roofline chart, which opens in any browser, without a network.

    \b
    Example:
      blueoil profile -e camvid_20261122093000
      blueoil profile -e camvid_20261122093000 --isa sse2 --runs 50
      blueoil profile -e camvid_20261122093000 --threads 2
      blueoil profile --library output/models/lib/libdlk_x86.so -o profile.html
    """
    if (experiment_id is None) == (library is None):
        raise click.UsageError("give either an experiment (-e ID) or a library (--library FILE)")
    if library is not None and (checkpoint or image_size):
        raise click.UsageError("-p and --image_size choose among an experiment's libraries; they say nothing of a file")
    console = Console(machine=machine)
    if library is not None:
        subject = _of_library(library, output)
    else:
        assert experiment_id is not None  # noqa: S101 - the other case was handled above
        subject = _of_experiment(Experiment.open(output_dir, experiment_id), checkpoint, image_size)

    from blueoil.report import profile, profile_page
    from dlk.profile.latency import measure
    from dlk.profile.library import ProfiledLibrary
    from dlk.profile.machine import this_machine
    from dlk.profile.roofline import profile_layers

    with ProfiledLibrary(subject.library, name=subject.library.name, isa=isa, threads=threads) as opened:
        console.say(f"{subject.library} ({opened.isa}): measuring the machine, then {runs} runs")
        ceilings = opened.measure_ceilings().times(opened.threads)
        latency = measure(opened, runs=runs)
        layers = profile_layers(opened.facts, latency.steps, ceilings)
        found = profile.Profile(
            title=subject.title,
            library=subject.library,
            model=opened.model,
            input_shape=opened.input_shape,
            isa=opened.isa,
            threads=opened.threads,
            machine=this_machine(),
            ceilings=ceilings,
            latency=latency,
            layers=tuple(layers),
        )
    profile.tell(console, found)
    page = output or subject.folder / _PAGE
    profile_page.write(found, page)
    console.say(f"The page with charts is in {page}")
    console.say(f"Next step: {subject.next_step}")
    console.result({**profile.document(found), "page": page})


def _of_library(library: Path, output: Path | None) -> _Subject:
    """Return a library file; its page goes beside the package that it lies in, else beside itself."""
    package = library.resolve().parent.parent.parent
    packed = (package / "models" / "meta.yaml").is_file() and library.resolve().parent.name == "lib"
    folder = package.parent if packed else library.parent
    return _Subject(library, folder, library.name, f"open {output or folder / _PAGE} in a browser")


def _of_experiment(experiment: Experiment, checkpoint: str | None, image_size: tuple[int, int] | None) -> _Subject:
    """Return the library for this machine in the package of a checkpoint.

    Raises:
        BlueoilError: it isn't converted, or there is no target for this machine.
    """
    from dlk.targets import TARGETS
    from dlk.verify.available import is_native, this_machine

    size = experiment.settings(image_size).image_size
    folder = experiment.checkpoint(checkpoint)
    target = next((target for target in TARGETS.values() if is_native(target)), None)
    if target is None:
        raise BlueoilError(
            "no library runs on this machine",
            expected="one of " + ", ".join(dict.fromkeys(target.triple.split("-")[0] for target in TARGETS.values())),
            received=this_machine(),
        )
    size_words = f" --image_size {size[0]} {size[1]}" if image_size else ""
    place = Place(experiment, folder, experiment.export_folder(folder.name, size), size_words + options.root_words())
    library = place.exported(f"output/models/lib/{target.library}")
    words = f"-e {experiment.id} -p {folder.name}{options.root_words()}"
    evaluate = f"blueoil evaluate {words} --backend x86"
    follow = evaluate if target.name == "x86" and not size_words else f"blueoil verify {words}{size_words}"
    return _Subject(library, place.export, f"{experiment.id}, {folder.name}", follow)
