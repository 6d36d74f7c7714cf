"""What `make fpga-report` tells: rows of layers, and nulls where there is no yosys."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from blueoil.bench import fpga
from blueoil.console import Console
from dlk.hw.sim.measure import Measured
from dlk.hw.sim.model import Run
from dlk.hw.synth import fanout, report
from dlk.lowering.program import Affine, Kind, Preprocess, Program, QuantConv, Tensor, Window


def run_of(cycles: int, stalls: int) -> Run:
    return Run(2, 0, 0, cycles, cycles - stalls, stalls, 1, 10, 20)


def layer(name: str, source: str, outputs: int) -> QuantConv:
    weights = np.ones((3, 3, 4, outputs), np.int8)
    numbers = np.ones(outputs, np.float32)
    return QuantConv(name, source, f"{name}:0", weights, Affine(numbers, numbers), Window((3, 3)))


def test_a_row_for_each_layer_and_one_for_all() -> None:
    shape = (5, 10, 4)
    tensors = {name: Tensor(name, Kind.CODES, shape, 2, 2.0) for name in ("a:0", "b:0")}
    tensors["b:0"] = Tensor("b:0", Kind.FLOAT, (5, 10, 8))
    steps = (layer("a", "x", 4), layer("b", "a:0", 8))
    program = Program("n", "x", "b:0", tensors, steps, ("c",), Preprocess("DivideBy255"))
    found = Measured(run_of(20_000, 5000), {"a": run_of(10_000, 100), "b": run_of(11_000, 4000)}, 600, 0)
    rows = fpga.rows_of(program, found)
    assert [row["layer"] for row in rows] == ["a", "b", "all, as one list"]
    assert [row["macs"] for row in rows] == [7200, 14400, 21600]
    assert [row["mac_per_cycle"] for row in rows] == [0.7, 1.3, 1.1]
    assert [row["ms"] for row in rows] == [0.1, 0.11, 0.2]
    assert (rows[1]["steps"], rows[1]["words_read"], rows[1]["words_written"]) == (7000, 10, 20)
    assert found.stall_share == 0.25


def test_without_yosys_the_area_is_null_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    told = fpga.synthesis(Console(), tmp_path, wanted=True)
    assert set(told.values()) == {None}
    assert "yosys is not installed" in capsys.readouterr().out


def test_the_area_and_the_widest_net_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name)
    net = fanout.Net("dlk_group", "weights[3]", 16)
    monkeypatch.setattr(fanout, "measure", lambda _: [net])
    monkeypatch.setattr(report, "area", lambda _: report.summary("dlk_core", {"MISTRAL_FF": 40_000, "MISTRAL_M10K": 9}))
    told = fpga.synthesis(Console(), tmp_path, wanted=True)
    assert (told["alm"], told["m10k"], told["alm_share"]) == (10_000, 9, 0.2386)
    assert told["widest_data_net"] == {"module": "dlk_group", "name": "weights[3]", "pins": 16}
