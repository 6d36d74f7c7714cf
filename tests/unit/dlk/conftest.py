"""What is compiled once for all tests of dlk: the runtime's programs for x86, and one whole conversion."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from accelerated import segnet
from conversions import Done, SharedBuild, convert
from dags import everything
from exports import PROCESSORS, write_export
from fpga import TWIN, build_program, build_stand_in, stand_in_file
from made_once import MadeOnce
from runtime_programs import PROGRAMS

import dlk.convert
from dlk.build import build
from dlk.codegen import emit
from dlk.targets import TARGETS


@pytest.fixture(scope="session")
def projects(made_once: MadeOnce) -> dict[str, Path]:
    """The project of each of the runtime's programs, built for x86; tests leave them as they are."""

    def make(folder: Path) -> None:
        def make_one(name: str) -> None:
            emit(PROGRAMS[name], _project(folder, name), TARGETS["x86"])
            build(_project(folder, name), TARGETS["x86"])

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(make_one, PROGRAMS))

    folder = made_once.folder("projects", make)
    return {name: _project(folder, name) for name in PROGRAMS}


def _project(folder: Path, name: str) -> Path:
    return folder / str(list(PROGRAMS).index(name))


@pytest.fixture(scope="session")
def fpga_library(made_once: MadeOnce) -> Path:
    """A small network with the driver of the accelerator, for this machine; tests leave it as it is."""
    folder = made_once.folder("fpga", lambda folder: build_program(folder, segnet()))
    return folder / "build" / TWIN.library


@pytest.fixture(scope="session")
def stand_in(made_once: MadeOnce) -> Path:
    """The stand-in for the accelerator, for this machine."""
    return stand_in_file(made_once.folder("stand_in", lambda folder: build_stand_in(folder, TWIN)), TWIN)


@pytest.fixture(scope="session")
def everywhere(made_once: MadeOnce) -> Path:
    """The export folder of a network of branches, converted for x86, ARM and AArch64; tests leave it as it is."""

    def make(folder: Path) -> None:
        convert(write_export(folder / "export", model=everything(exact=False)), "x86", "arm", "aarch64")

    return made_once.folder("everywhere", make) / "export"


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The small network of exports.py, converted for x86."""
    folder = tmp_path_factory.mktemp("convert")
    export = write_export(folder / "export")
    build = SharedBuild(folder / "tree")
    events: list[tuple[str, str, float]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dlk.convert, "build", build)
        conversion = dlk.convert.convert(
            export, targets=["x86"], processors=PROCESSORS, jobs=2, report=lambda *event: events.append(event)
        )
    return Done(export, build, conversion, events)
