"""What the tools say of the sources: no warning of a linter, and an area that fits the board."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dlk.errors import DlkError
from dlk.hw.sim import build
from dlk.hw.synth import fanout, report
from dlk.verify import simulator as verify

NAMES = [path.stem for path in build.modules()]


@pytest.mark.needs("verilator")
def test_verilator_has_nothing_to_say() -> None:
    done = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", build.TOP, *map(str, build.modules())],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.needs("iverilog")
def test_icarus_has_nothing_to_say(tmp_path: Path) -> None:
    done = subprocess.run(
        ["iverilog", "-g2012", "-Wall", "-s", build.TOP, "-o", str(tmp_path / "core"), *map(str, build.modules())],
        capture_output=True, text=True,
    )  # fmt: skip
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "constant selects" not in line]
    assert (done.returncode, lines) == (0, [])


@pytest.mark.parametrize("path", build.modules(), ids=NAMES)
def test_a_file_is_one_module_of_its_name_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"^module (\w+)", text, re.M) == [path.stem]
    head = text[: text.index("module ")]
    assert head.startswith("// ")
    assert max(map(len, text.splitlines())) <= 120
    assert path.stem == build.TOP or "Latency" in head


@pytest.fixture(scope="module")
def array(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[fanout.Net]]:
    """One group and the array around it, synthesised: where, and the data nets."""
    folder = tmp_path_factory.mktemp("array")
    return folder, fanout.measure(folder)


@pytest.mark.needs("yosys")
def test_no_data_net_of_the_array_drives_many_pins(array: tuple[Path, list[fanout.Net]]) -> None:
    _, nets = array
    assert nets[0].pins < fanout.MOST, nets[0]
    names = {(net.module, net.name.split(".")[-1].split("[")[0]) for net in nets}
    assert {("dlk_group", "act_out"), ("dlk_group", "weights"), ("dlk_array", "act"), ("dlk_array", "word")} <= names
    broadcast = [net.pins for net in nets if net.module == "dlk_array" and net.name.startswith("threshold_write_data")]
    assert min(broadcast) >= 8 * 4, "a register in each output of each group"
    assert not [net for net in nets if net.name in ("clock", "reset", "first", "load", "swap")]


@pytest.mark.needs("yosys")
def test_a_group_keeps_to_its_area(array: tuple[Path, list[fanout.Net]]) -> None:
    """A group is an eighth of the array, and the array is nearly all: more here is eight times more in the core."""
    found = report.summary("dlk_group", report.counted(array[0], "dlk_group"))
    assert found.m10k == 7
    assert 800 < found.alms < 1800
    assert found.alms * 8 < report.CEILING * report.DEVICE_ALMS


@pytest.mark.needs("yosys")
def test_the_row_buffer_is_made_of_memory_blocks(tmp_path: Path) -> None:
    found = report.area(tmp_path, top="dlk_row_buffer")
    assert 52 <= found.m10k <= 56
    assert found.alms < 700


def test_pins_are_counted_on_what_data_reach_and_inside_of_boxes() -> None:
    """act feeds two tables; one of them, and a register, feed word_out. The enable feeds three cells and is control."""
    table = {"type": "T", "port_directions": {"A": "input", "B": "input", "Q": "output"}}
    register = {"type": "F", "port_directions": {"D": "input", "EN": "input", "Q": "output"}}
    module = {
        "ports": {
            "act_in": {"direction": "input", "bits": [2]},
            "enable": {"direction": "input", "bits": [3]},
            "word_out": {"direction": "output", "bits": [5, "0"]},
        },
        "cells": {
            "table": {**table, "connections": {"A": [2], "B": [3], "Q": [4]}},
            "other": {**table, "connections": {"A": [2], "B": ["1"], "Q": [7]}},
            "decoder": {**table, "connections": {"A": [3], "B": ["1"], "Q": [6]}},
            "register": {**register, "connections": {"D": [4], "EN": [6], "Q": [5]}},
        },
        "netnames": {"sum": {"bits": [4], "hide_name": 0}, "$abc": {"bits": [5], "hide_name": 1}},
    }
    nets = {net.name: net.pins for net in fanout.data_nets("x", module)}
    assert nets == {"net 2": 2, "sum": 1, "net 5": 1, "net 7": 0}
    inside = fanout.pins_inside(module)
    assert inside == {"act_in": [2], "enable": [2], "word_out": [0, 0]}
    around = {
        "ports": {"act": {"direction": "input", "bits": [2]}, "enable": {"direction": "input", "bits": [3]}},
        "cells": {
            f"group {k}": {
                "type": "dlk_group",
                "port_directions": {"act_in": "input", "enable": "input", "word_out": "output"},
                "connections": {"act_in": [2], "enable": [3], "word_out": [4 + k, 6]},
            }
            for k in range(2)
        },
        "netnames": {},
    }
    nets = {net.name: net.pins for net in fanout.data_nets("y", around, {"dlk_group": inside})}
    assert nets == {"net 2": 4, "net 4": 0, "net 5": 0, "net 6": 0}


def test_the_area_is_the_larger_need_of_tables_and_registers() -> None:
    tables = report.summary("x", {"MISTRAL_ALUT6": 10, "MISTRAL_ALUT3": 6, "MISTRAL_ALUT_ARITH": 4, "MISTRAL_FF": 20})
    assert tables.alms == 15
    registers = report.summary("x", {"MISTRAL_ALUT6": 10, "MISTRAL_FF": 200, "MISTRAL_M10K": 3, "MISTRAL_IB": 9})
    assert (registers.alms, registers.m10k) == (50, 3)
    assert registers.alm_share == 50 / report.DEVICE_ALMS


@pytest.mark.parametrize(("tool", "call"), [("verilator", build.verilate), ("yosys", report.area)])
def test_a_missing_tool_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str, call: object) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DlkError, match=tool):
        call(tmp_path)  # type: ignore[operator]


@pytest.mark.needs("verilator")
def test_the_library_is_built_once(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "verilate", None)
    assert verify.simulator() == library


@pytest.mark.parametrize(("here", "words"), [("/usr/bin/g++", "in a minute"), (None, "in three minutes; with g++")])
def test_before_it_is_built_it_is_told_how_long_that_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str | None, words: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: here)
    monkeypatch.setattr(verify, "_folder", lambda: tmp_path)
    monkeypatch.setattr(build, "build", lambda folder, compiler: folder)
    told: list[str] = []
    assert verify.simulator(told.append) == tmp_path
    assert len(told) == 1
    assert words in told[0]
