"""``convert --graph`` by the commands of docs/graphs.md, and its table of operators."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import v1_graphs
import yaml
from exports import REPOSITORY

from blueoil import cli
from dlk.frontends import foreign_onnx, graphdef_arithmetic, graphdef_folds, graphdef_operators, onnx_operators
from dlk.targets import TARGETS

PAGE = (REPOSITORY / "docs/graphs.md").read_text()
META = {  # as the original wrote it
    "CLASSES": [f"class {index}" for index in range(10)],
    "DATA_FORMAT": "NHWC",
    "IMAGE_SIZE": [16, 16],
    "POST_PROCESSOR": None,
    "PRE_PROCESSOR": [{"Resize": {"resample": "NEAREST", "size": [16, 16]}}, {"PerImageStandardization": None}],
    "TASK": "IMAGE.CLASSIFICATION",
}


def commands() -> list[list[str]]:
    found = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return [shlex.split(line) for line in found[1].splitlines()]


def test_the_commands_of_the_page_make_a_package_that_passes_its_own_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    x86 = TARGETS["x86"]
    monkeypatch.setitem(TARGETS, "x86", dataclasses.replace(x86, isas=x86.isas[:1]))  # the others: test_runtime_floats
    graph = v1_graphs.classifier()
    Path("minimal_graph_with_shape.pb").write_bytes(graph)
    Path("meta.yaml").write_text(yaml.safe_dump(META))
    convert, (_, folder), self_test = commands()
    assert cli.run([*convert[1:], "--json"]) == cli.OK
    result = json.loads(capsys.readouterr().out)
    assert result["verified"] and result["task"] == "IMAGE.CLASSIFICATION"
    assert result["float_layers"] == ["conv1", "conv7"]
    assert result["report"] == "converted/report.html"
    assert "0 mismatches" in Path(result["report"]).read_text(encoding="utf-8")
    document = json.loads(Path("converted/report.json").read_text(encoding="utf-8"))
    assert [layer["layer"] for layer in document["float_layers"]] == result["float_layers"]
    rows = {row["executor"]: row for row in result["verification"]}
    assert rows["x86 portable"]["verdict"] == "equal" and rows["x86 portable"]["mismatches"] == 0
    assert rows["TensorFlow graph"]["verdict"] == "within rounding"
    assert Path("converted/output/models/minimal_graph_with_shape.pb").read_bytes() == graph
    done = subprocess.run([sys.executable, *self_test[1:]], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "self-test passed" in done.stderr


def test_what_goes_together_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.pb").write_bytes(b"no graph")
    for words in (["--graph", "net.pb"], ["--graph", "net.pb", "-o", "out", "-e", "x"], ["-e", "x", "--allow-float"]):
        assert cli.run(["convert", *words]) == cli.USER_ERROR
    assert cli.run(["convert", "--graph", "net.pb", "-o", "out"]) == cli.USER_ERROR
    assert not Path("out").exists()


def operators(column: int) -> set[str]:
    rows = [line.split("|") for line in PAGE.partition("## Operators")[2].splitlines() if line.startswith("|")]
    return set(re.findall(r"`([^`]+)`", "".join(row[column] for row in rows)))


def test_the_page_names_the_operators_that_the_code_reads() -> None:
    assert operators(1) == {*graphdef_operators.OPERATORS, *graphdef_arithmetic.ARITHMETIC}
    assert operators(2) == {*onnx_operators.OPERATORS, *foreign_onnx.QUANTIZERS}
    folded = PAGE.partition("in TensorFlow `")[2].partition("; in ONNX")[0]
    assert {*re.findall(r"\w+", folded)} == {*graphdef_folds.FOLDS}
