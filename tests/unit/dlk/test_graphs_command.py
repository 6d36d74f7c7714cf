"""``convert --graph``: graphs that TensorFlow's v1 API froze become packages, proved like a trained network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import v1_graphs

from blueoil import cli

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Convert a graph for x86 in an empty folder, and return the object that --json prints."""
    monkeypatch.chdir(tmp_path)

    def convert(graph: bytes, *words: str, name: str = "net.pb", code: int = cli.OK) -> dict[str, Any]:
        Path(name).write_bytes(graph)
        capsys.readouterr()
        assert cli.run(["convert", "--graph", name, "-o", "out", "--target", "x86", "--json", *words]) == code
        return json.loads(capsys.readouterr().out)

    return convert


def test_a_frozen_graph_becomes_a_package(run: Run) -> None:
    result = run(v1_graphs.classifier())
    assert result["verified"] and result["task"] == "IMAGE.CLASSIFICATION"
    assert result["float_layers"] == ["conv1", "conv7"]
    rows = {row["executor"]: row for row in result["verification"]}
    assert rows["x86 portable"]["verdict"] == "equal" and rows["x86 portable"]["mismatches"] == 0
    assert rows["TensorFlow graph"]["verdict"] == "within rounding"
    assert Path("out/output/models/lib/libdlk_x86.so").is_file()
    assert Path("out/output/models/minimal_graph_with_shape.pb").read_bytes() == Path("net.pb").read_bytes()
