"""The target fpga in a conversion: packed and verified like any other, or left out with its reason."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import pytest
import yaml
from conversions import convert
from exports import CLASSES, PROCESSORS, SIZE, write_export
from fpga import TWIN, build_stand_in
from graphs import Layer, build

import dlk.convert
import dlk.verify.simulator
from dlk.build import JobPool
from dlk.build.toolchain import zig
from dlk.errors import DlkError
from dlk.hw.sim import build as sim
from dlk.targets import Target
from dlk.verify.simulator import simulator
from dlk.verify_package import verify_package


def fitting() -> onnx.ModelProto:
    """Return a small LmSegnet in multiples of 32 channels."""
    layers: list[Any] = [("s2d", "s2d1"), Layer("conv1", 1, 8, ""), Layer("conv2", 3, 32), ("s2d", "s2d2")]
    layers += [Layer("conv3", 3, 128), ("d2s", "d2s1"), Layer("conv4", 1, 128), ("d2s", "d2s2")]
    return build([*layers, Layer("conv5", 3, len(CLASSES), bits=0)], size=SIZE)


@pytest.fixture
def simulators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-in in the place of the simulated accelerator."""
    built = build_stand_in(tmp_path, TWIN)
    monkeypatch.setattr(dlk.verify.simulator, "simulator", lambda announce: built)
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **_: name if name == "verilator" else found(name))


@pytest.mark.parametrize("own", ["/usr/bin/g++", None])
def test_the_simulator_is_compiled_by_the_machines_own_compiler_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, own: str | None
) -> None:
    asked: list[Sequence[str]] = []
    monkeypatch.setattr(shutil, "which", lambda name, **_: own if name == "g++" else None)
    monkeypatch.setattr(sim, "build", lambda directory, compiler: asked.append(compiler) or directory)
    simulator()
    assert asked[0][0] == (own or str(zig()))


@pytest.mark.needs("qemu-arm")
@pytest.mark.usefixtures("simulators")
def test_the_driver_is_verified_on_both_machines_and_one_library_is_packed(tmp_path: Path) -> None:
    export = write_export(tmp_path / "export", model=fitting())
    conversion = convert(export, "fpga")
    rows = {row.executor: row for row in conversion.rows}
    for name in ("fpga neon", "fpga_x86 sse2"):
        assert (rows[name].verdict, rows[name].images) == ("equal", 1)
        assert rows[name].values == 4 * 4 * (8 + 32) + 2 * 2 * 128 + 4 * 4 * 128 + 8 * 8 * len(CLASSES)
    assert conversion.latency_ms is None
    assert conversion.left_out == {}
    assert set(conversion.memory) == {"fpga"}
    assert conversion.memory["fpga"].device > 0
    libraries = export / "output" / "models" / "lib"
    assert [path.name for path in libraries.iterdir()] == ["libdlk_fpga.so"]
    meta = yaml.safe_load((libraries.parent / "meta.yaml").read_text())
    assert meta["libraries"] == {"fpga": "lib/libdlk_fpga.so"}
    assert [row.verdict for row in verify_package(export).rows()] == ["within rounding", "equal", "equal"]


def test_without_verilator_nothing_runs_and_the_table_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **_: None if name == "verilator" else found(name))
    rows = {
        row.executor: row for row in convert(write_export(tmp_path / "export", model=fitting()), "x86", "fpga").rows
    }
    assert rows["fpga_x86 sse2"].verdict == "not run"
    assert rows["fpga_x86 sse2"].detail == "verilator is not installed"


def emitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[str]:
    """Return the targets that a conversion of a network that fits no accelerator emits."""
    stages: list[str] = []

    def build(project: Path, target: Target, *, jobs: JobPool) -> Path:
        raise DlkError("enough seen")

    monkeypatch.setattr(dlk.convert, "build", build)
    with pytest.raises(DlkError, match=r"enough seen|does not fit") as caught:
        dlk.convert.convert(
            write_export(tmp_path / "export"),
            targets=("x86", "fpga"),
            processors=PROCESSORS,
            report=lambda stage, detail, _: stages.append(detail) if stage == "emit" else None,
            **options,
        )
    return stages or [str(caught.value)]


def test_an_optional_target_that_does_not_fit_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert emitted(tmp_path, monkeypatch, optional=("fpga",)) == ["x86"]


def test_a_target_that_was_asked_for_must_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (told,) = emitted(tmp_path, monkeypatch)
    assert "s2d2: space_to_depth of 8 channels (a multiple of 32); d2s1: " in told


def test_what_was_left_out_is_told_with_the_result(tmp_path: Path) -> None:
    conversion = dlk.convert.convert(
        write_export(tmp_path / "export"), targets=("x86", "fpga"), optional=("fpga",), processors=PROCESSORS, jobs=2
    )
    assert list(conversion.libraries) == ["x86"]
    assert list(conversion.left_out) == ["fpga"]
    assert "d2s1: depth_to_space of 64 channels (a multiple of 128)" in str(conversion.left_out["fpga"].received)
