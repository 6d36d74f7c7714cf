"""The document of a conversion: its facts are those of the program and the proofs, and a diff finds the clock alone."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conversions import Done, convert
from exports import REPOSITORY, SIZE
from graphs import Layer, build, to_ir

import dlk.convert
from dlk.accelerators import misfitting
from dlk.codegen.check import MAX_MEMORY
from dlk.frontends.onnx import load
from dlk.hw.limits import LIMITS
from dlk.lowering import lower
from dlk.lowering.program import Kind, QuantConv, Tensor, Thresholds, Window
from dlk.package.assemble import read_meta
from dlk.passes import PASSES, run_passes
from dlk.report.document import SECTIONS
from dlk.report.graph import GraphRecord
from dlk.report.layers import falling_channels, fixed_thresholds, sum_range, threshold_range
from dlk.report.limits import targets
from dlk.report.proofs import target_of
from dlk.report.source import Layer as ReportLayer
from dlk.report.timings import timings
from dlk.targets import TARGETS

PAGE = REPOSITORY / "docs" / "report.md"
LAST = '"timings": {'


@pytest.fixture(scope="module")
def document(done: Done) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((done.export / "report.json").read_text(encoding="utf-8"))
    return values


def diff_of_the_page(folder: Path) -> str:
    """Run the commands of docs/report.md that copy and compare, ``folder`` being the report's; return what is told."""
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    copy, again, compare = (shlex.split(line) for line in block.splitlines())
    assert again == ["blueoil", "convert", "-e", "first"]
    there = Path(copy[1]).parent
    words = [str(folder / Path(word).name) if Path(word).parent == there else word for word in compare]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_a_diff_of_two_conversions_shows_the_clock_alone(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = tmp_path / "another folder"
    shutil.copytree(done.export, export)
    shutil.copy(export / "report.json", export / "before.json")
    (export / "report.html").write_text("of another conversion")
    monkeypatch.setattr(dlk.convert, "build", done.build)
    assert convert(export).report == export / "report.json"
    assert not (export / "report.html").exists(), "nobody made a page: an old one may not tell of this conversion"
    lines = (export / "report.json").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) < 200, "one value a line"
    begin = next(number for number, line in enumerate(lines, 1) if line.strip() == LAST)
    changed = re.findall(r"^[\d,]+[acd](\d+)", diff_of_the_page(export), re.MULTILINE)
    assert changed and min(map(int, changed)) > begin
    before = (export / "before.json").read_text(encoding="utf-8")
    (export / "before.json").write_text(before.replace('"macs": ', '"macs": 1', 1))
    assert min(map(int, re.findall(r"^(\d+)", diff_of_the_page(export), re.MULTILINE))) < begin


def test_the_sections_are_those_of_the_table_and_the_clock_comes_last(done: Done, document: dict[str, Any]) -> None:
    assert set(document) == {"format", *(section.key for section in SECTIONS)}
    assert list(document) == sorted(document) and list(document)[-1] == "timings"
    outside = json.dumps({key: value for key, value in document.items() if key != "timings"})
    assert "seconds" not in outside and str(done.export) not in outside


def test_the_graph_is_counted_after_each_pass_and_drawn_at_the_end(document: dict[str, Any]) -> None:
    passes = document["graph"]["passes"]
    assert [entry["name"] for entry in passes] == ["as exported", *(each.name for each in PASSES)]
    assert passes[0]["ops"]["Conv"] == 5 and "Conv" not in passes[-1]["ops"]
    assert passes[-1]["ops"] == {
        "dlk.SpaceToDepth": 2, "dlk.DepthToSpace": 2, "dlk.FloatConvThreshold": 1, "dlk.QuantConvThreshold": 3,
        "dlk.QuantConvAffine": 1,
    }  # fmt: skip
    assert all(entry["nodes"] == sum(entry["ops"].values()) and entry["meaning"] for entry in passes)
    final = {step["name"]: step for step in document["graph"]["final"]}
    assert list(final)[1:] == ["s2d1", "conv1", "conv2", "s2d2", "conv3", "d2s1", "conv4", "d2s2", "conv5"]
    assert (final["conv3"]["op"], final["conv3"]["reads"], final["conv3"]["bits"]) == ("QuantConv", ["s2d2"], 2)


def test_layers_in_float_and_proofs_are_those_of_the_conversion(done: Done, document: dict[str, Any]) -> None:
    assert [layer["layer"] for layer in document["float_layers"]] == ["conv1"] == list(done.conversion.float_layers)
    assert document["float_layers"][0]["reasons"] == ["reads float activations", "has float weights"]
    rows = {row.executor: row for row in done.conversion.rows}
    for executor in document["proofs"]["executors"]:
        row = rows[executor["executor"]]
        assert (executor["values"], executor["mismatches"], executor["verdict"]) == (row.values, 0, "equal")
        assert executor["target"] == "x86"
    assert target_of("fpga_x86 sse2") == "fpga" and target_of("x86 avx2, 2 threads") == "x86"
    (latency,) = document["timings"]["latency"]
    assert latency["milliseconds"] == done.conversion.latency_ms
    assert list(document["timings"]["layers_milliseconds"]) == sorted(layer["name"] for layer in document["layers"])


def test_the_limits_are_beside_what_is_used(done: Done, document: dict[str, Any]) -> None:
    (target,) = document["limits"]
    rows = {row["part"]: row for row in target["limits"]}
    memory = rows["memory while it runs"]
    assert (memory["used"], memory["most"]) == (done.conversion.memory["x86"].total, MAX_MEMORY)
    inputs = rows["inputs of one output of a quantized convolution"]
    assert (inputs["used"], inputs["layer"], inputs["fits"]) == (9 * 4 * 8, "conv3", True)
    assert target["library_bytes"] == done.conversion.libraries["x86"].stat().st_size


def test_each_layer_has_what_its_thresholds_say() -> None:
    """Sums of two weights +1, -1 and codes up to 3 reach -3 to 3; a threshold past that means always or never."""
    weights = np.array([[1, -1], [-1, 1]], np.int8).reshape(1, 1, 2, 2)
    thresholds = Thresholds(np.array([[-3, 0, 4], [3, 1, -4]], np.int32), np.array([1, -1], np.int8))
    step = QuantConv("conv", "a", "b", weights, thresholds, Window((1, 1)))
    program = SimpleNamespace(tensors={"a": Tensor("a", Kind.CODES, (1, 1, 2), 2)})
    facts = SimpleNamespace(name="conv")
    layer = ReportLayer(facts, step, program)  # type: ignore[arg-type]
    assert sum_range(layer) == {"least": -3, "most": 3}
    assert threshold_range(layer) == {"least": -4, "most": 4}
    assert fixed_thresholds(layer) == 4, "-3 and, falling, 3 are always reached; 4 and, falling, -4 never"
    assert falling_channels(layer) == 1


def test_weights_of_zero_are_counted_with_their_sign(tmp_path: Path) -> None:
    kernel = np.ones((4, 4, 1, 1), np.float32)
    kernel.flat[:3] = 0
    model = build(
        [Layer("conv1", 1, 4, ""), Layer("conv2", 1, 4, kernel=kernel), Layer("conv3", 1, 4, bits=0)], size=SIZE
    )
    assert GraphRecord.of(to_ir(model, tmp_path)).zeros == [{"layer": "conv2", "zeros": 3, "of": 16, "sign": "+1"}]


def test_a_target_that_is_left_out_has_its_limits_and_its_reasons(done: Done) -> None:
    model = run_passes(load(done.export / "model.onnx"))
    program = lower(model, read_meta(done.export / "meta.yaml"))
    left_out = misfitting(program, [TARGETS["fpga"]], ["fpga"])
    nothing: dict[str, Any] = {"targets": (), "built": [], "memory": {}, "latency": None, "stages": []}
    source = SimpleNamespace(program=program, left_out=left_out, verification=done.conversion.verification, **nothing)
    (target,) = targets(source)  # type: ignore[arg-type]
    assert target["library_bytes"] is None
    assert [misfit["layer"] for misfit in target["misfits"]] == ["s2d2", "d2s1", "d2s2"]
    parts = [row["part"] for row in target["limits"]]
    assert parts[-len(LIMITS) :] == [f"{limit.part}: {limit.expected}" for limit in LIMITS]
    assert all(row["fits"] for row in target["limits"]), "it is the moves that do not fit"
    (latency,) = timings(source)["latency"]  # type: ignore[arg-type]
    assert latency["milliseconds"] is None and "left out" in latency["reason"]


@pytest.mark.parametrize(
    ("found", "told"), [(None, "not run: qemu-arm is not installed"), ("qemu-arm", "tells nothing")]
)
def test_a_target_that_is_not_measured_says_why(
    done: Done, monkeypatch: pytest.MonkeyPatch, found: str | None, told: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: found)
    monkeypatch.setattr(Path, "is_dir", lambda self: True)
    facts: dict[str, Any] = {
        "latency": None,
        "stages": [],
        "left_out": {},
        "verification": done.conversion.verification,
    }
    (latency,) = timings(SimpleNamespace(targets=(TARGETS["arm"],), **facts))["latency"]  # type: ignore[arg-type]
    assert latency["milliseconds"] is None and told in latency["reason"]
