"""The document of a conversion: its facts are those of the program and the proofs."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from exports import SIZE, write_export
from graphs import Layer, build, to_ir

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

UNPROVED = SimpleNamespace(equality=())


@pytest.fixture(scope="module")
def document(everywhere: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((everywhere / "report.json").read_text(encoding="utf-8"))
    return values


@pytest.fixture(scope="module")
def proved(everywhere: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((everywhere / "verification.json").read_text(encoding="utf-8"))
    return values


def test_the_sections_are_those_of_the_table_and_the_clock_comes_last(
    everywhere: Path, document: dict[str, Any]
) -> None:
    assert set(document) == {"format", *(section.key for section in SECTIONS)}
    assert list(document) == sorted(document) and list(document)[-1] == "timings"
    outside = json.dumps({key: value for key, value in document.items() if key != "timings"})
    assert "seconds" not in outside and str(everywhere) not in outside


def test_the_graph_is_counted_after_each_pass_and_drawn_at_the_end(document: dict[str, Any]) -> None:
    passes = document["graph"]["passes"]
    assert [entry["name"] for entry in passes] == ["as exported", *(each.name for each in PASSES)]
    assert passes[0]["ops"]["Conv"] == 5
    assert passes[-1]["ops"] == {
        "Concat": 2, "Split": 2, "dlk.DepthToSpace": 1, "dlk.FloatConvThreshold": 1, "dlk.MaxPool": 3, "dlk.Pad": 1,
        "dlk.QuantConvAffine": 1, "dlk.QuantConvThreshold": 3,
    }  # fmt: skip
    assert all(entry["nodes"] == sum(entry["ops"].values()) and entry["meaning"] for entry in passes)
    final = {step["name"]: step for step in document["graph"]["final"]}
    assert len(final) == 1 + passes[-1]["nodes"]
    assert final["concat2"]["reads"] == ["conv2", "pool2", "pool3"]
    assert (final["conv3"]["op"], final["conv3"]["window"], final["conv3"]["reads"]) == ("QuantConv", "2x3", ["split1"])
    assert (final["conv2"]["window"], final["conv2"]["bits"]) == ("3x3, stride 2", 2)


def test_layers_in_float_and_proofs_are_those_of_the_conversion(
    document: dict[str, Any], proved: dict[str, Any]
) -> None:
    (in_float,) = document["float_layers"]
    assert in_float["layer"] == "conv1" and 0 < in_float["share"] < 1
    assert in_float["reasons"] == ["reads float activations", "has float weights"]
    executors = {executor["executor"]: executor for executor in document["proofs"]["executors"]}
    assert list(executors) == [executor["executor"] for executor in proved["executors"]]
    for known in proved["executors"]:
        executor = executors[known["executor"]]
        assert (executor["values"], executor["mismatches"], executor["verdict"]) == (known["values"], 0, "equal")
        assert executor["steps"] == known["layers"]
        assert executor["target"] == known["executor"].split()[0]
    assert document["proofs"]["original"]["steps"] == proved["tensorflow_graph"]["layers"]
    assert target_of("fpga_x86 sse2") == "fpga" and target_of("x86 avx2, 2 threads") == "x86"
    latency = {entry["target"]: entry for entry in document["timings"]["latency"]}
    assert list(latency) == ["x86", "arm", "aarch64"]
    assert latency["x86"]["milliseconds"] > 0 and latency["x86"]["reason"] is None
    assert latency["arm"]["milliseconds"] is None and latency["arm"]["reason"]
    assert list(document["timings"]["layers_milliseconds"]) == sorted(layer["name"] for layer in document["layers"])


def test_the_limits_are_beside_what_is_used(everywhere: Path, document: dict[str, Any]) -> None:
    for target in document["limits"]:
        library = everywhere / "output" / "models" / "lib" / target["library"]
        assert target["library_bytes"] == library.stat().st_size
        rows = {row["part"]: row for row in target["limits"]}
        assert rows["memory while it runs"]["most"] == MAX_MEMORY > rows["memory while it runs"]["used"] > 0
        inputs = rows["inputs of one output of a quantized convolution"]
        assert (inputs["used"], inputs["layer"], inputs["fits"]) == (9 * 8, "conv2", True)
        assert (rows["stride of a window"]["used"], rows["stride of a window"]["layer"]) == (2, "conv2")
    assert len({json.dumps(target["limits"]) for target in document["limits"]}) > 1, "scratch differs by the vectors"


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


def test_a_target_that_is_left_out_has_its_limits_and_its_reasons(tmp_path: Path) -> None:
    program = lower(run_passes(load(write_export(tmp_path) / "model.onnx")), read_meta(tmp_path / "meta.yaml"))
    left_out = misfitting(program, [TARGETS["fpga"]], ["fpga"])
    nothing: dict[str, Any] = {"targets": (), "built": [], "memory": {}, "latency": None, "stages": []}
    source = SimpleNamespace(program=program, left_out=left_out, verification=UNPROVED, **nothing)
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
def test_a_target_that_is_not_measured_says_why(monkeypatch: pytest.MonkeyPatch, found: str | None, told: str) -> None:
    monkeypatch.setattr("shutil.which", lambda name: found)
    monkeypatch.setattr(Path, "is_dir", lambda self: True)
    facts: dict[str, Any] = {
        "latency": None,
        "stages": [],
        "left_out": {},
        "verification": UNPROVED,
    }
    (latency,) = timings(SimpleNamespace(targets=(TARGETS["arm"],), **facts))["latency"]  # type: ignore[arg-type]
    assert latency["milliseconds"] is None and told in latency["reason"]
