"""What is compiled once for all tests of dlk: the runtime's programs for x86, and one whole conversion."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from accelerated import segnet
from conversions import SharedBuild
from exports import PROCESSORS, write_export
from fpga import TWIN, build_program, build_stand_in
from runtime_programs import PROGRAMS

import dlk.convert
from dlk.build import build
from dlk.codegen import emit
from dlk.convert import Conversion
from dlk.targets import TARGETS


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The project of each of the runtime's programs, built for x86; tests leave them as they are."""
    folder = tmp_path_factory.mktemp("projects")

    def make(name: str) -> Path:
        project = folder / str(list(PROGRAMS).index(name))
        emit(PROGRAMS[name], project, TARGETS["x86"])
        build(project, TARGETS["x86"])
        return project

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(PROGRAMS, pool.map(make, PROGRAMS), strict=True))


@pytest.fixture(scope="session")
def fpga_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with the driver of the accelerator, for this machine; tests leave it as it is."""
    return build_program(tmp_path_factory.mktemp("fpga") / "project", segnet())


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in for the accelerator, for this machine."""
    return build_stand_in(tmp_path_factory.mktemp("stand_in"), TWIN)


@dataclasses.dataclass
class Done:
    """A finished conversion, made once; tests that change something do so in a copy of its folder."""

    export: Path
    build: SharedBuild
    conversion: Conversion
    events: list[tuple[str, str, float]]


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
