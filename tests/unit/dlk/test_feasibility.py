"""What is said before a network is converted is what converting says."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import yaml
from exports import CLASSES, SIZE, write_export
from graphs import Layer, build

from dlk.codegen import check, emit
from dlk.convert import MODEL
from dlk.errors import InternalError
from dlk.feasibility import Verdict, feasibility
from dlk.frontends.onnx import load
from dlk.hw.limits import MisfitError
from dlk.lowering import lower
from dlk.passes import run_passes
from dlk.targets import TARGETS


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export(tmp_path_factory.mktemp("export"))


def verdicts(export: Path) -> dict[str, Verdict]:
    meta = yaml.safe_load((export / "meta.yaml").read_text())
    return {verdict.target: verdict for verdict in feasibility(export / MODEL, meta)}


def test_the_memory_is_that_of_the_project(export: Path, tmp_path: Path) -> None:
    graph = load(export / MODEL)
    run_passes(graph)
    program = lower(graph, yaml.safe_load((export / "meta.yaml").read_text()))
    found = verdicts(export)
    assert list(found) == list(TARGETS)
    for name, target in TARGETS.items():
        if target.accelerated:
            assert isinstance(found[name].error, MisfitError)
            continue
        assert found[name].memory == emit(program, tmp_path / name, target)
        assert found[name].error is None


def test_the_memory_of_an_accelerator_is_told(tmp_path: Path) -> None:
    layers = [("s2d", "s2d1"), Layer("conv1", 1, 8, ""), Layer("conv2", 3, 8), Layer("conv3", 3, len(CLASSES), bits=0)]
    export = write_export(tmp_path, model=build(layers, size=SIZE), layers=("conv1", "conv2"))
    memory = verdicts(export)["fpga"].memory
    assert memory is not None
    assert memory.device > 0
    assert memory.lists == 0
    assert memory.words().endswith(" for the accelerator")


def test_each_target_answers_for_itself(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {name: verdict.memory.total for name, verdict in verdicts(export).items() if verdict.memory}
    assert sizes["arm"] < sizes["x86"]
    monkeypatch.setattr(check, "MAX_MEMORY", sizes["arm"])
    found = verdicts(export)
    assert found["arm"].memory is not None
    assert found["x86"].memory is None
    assert "too much memory" in str(found["x86"].error)


def test_a_float_layer_is_a_reason_for_every_target(tmp_path: Path) -> None:
    layers = [("s2d", "s2d1"), Layer("conv1", 1, 8, ""), Layer("conv2", 3, 8, ""), ("d2s", "d2s1")]
    model: onnx.ModelProto = build([*layers, Layer("conv3", 3, len(CLASSES), bits=0)], size=SIZE)
    found = verdicts(write_export(tmp_path, model=model, layers=("conv1", "conv2")))
    assert list(found) == list(TARGETS)
    assert all("conv2/conv: a float layer" in str(verdict.error) for verdict in found.values())


def test_a_fault_of_ours_is_no_verdict(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise InternalError("a pass broke the graph")

    monkeypatch.setattr("dlk.feasibility.lower", broken)
    with pytest.raises(InternalError):
        verdicts(export)
