"""The arithmetic of the training benchmark."""

from __future__ import annotations

import pytest

from blueoil.bench import train
from blueoil.bench.timing import paired, take_turns
from blueoil.console import Console

TIMES = {
    "LmSegnetV1Quantize": [100.0, 1000.0, 104.0],
    "LmSegnetV1": [98.0, 970.0, 100.0],
    "LmUnetV1Quantize": [50.0, 60.0, 50.0],
    "LmUnetV1": [45.0, 57.0, 44.0],
    "batch": [4.0, 4.0, 5.2],
}


def test_rounds_are_compared_one_by_one() -> None:
    assert paired([2.0, 30.0, 5.0], [1.0, 10.0, 1.0]) == 3.0
    calls: list[str] = []
    times = take_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert calls == ["a", "b"] * 4
    assert [len(values) for values in times.values()] == [2, 2]


def test_shares_are_of_a_step_of_the_quantized_network(capsys: pytest.CaptureFixture[str]) -> None:
    precisions = {"float32": [10.0, 10.0, 10.0], "mixed_bfloat16": [5.0, 6.0, 7.0]}
    report = train.figures(TIMES, precisions, 0.051)
    assert report["quantizer_share"] == {"LmSegnetV1Quantize": 0.03, "LmUnetV1Quantize": 0.1}
    assert report["data_cpu_share"] == {"LmSegnetV1Quantize": 0.04, "LmUnetV1Quantize": 0.08}
    assert report["step_ratio"] == {"float32": 1.0, "mixed_bfloat16": 0.6}
    train.tell(Console(), report)
    lines = capsys.readouterr().out.splitlines()
    assert "quantizers of LmSegnetV1Quantize: 3.0 % of a step (goal: at most 5.0 %, met)" in lines
    assert "quantizers of LmUnetV1Quantize: 10.0 % of a step (goal: at most 5.0 %, MISSED)" in lines
    assert "waiting for data: 5.1 % of a run (goal: at most 5.0 %, MISSED)" in lines
