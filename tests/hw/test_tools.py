"""What the tools say of the sources: no warning of a linter, and an area that fits the board."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from dlk.errors import DlkError
from dlk.hw.sim import build
from dlk.hw.synth import report
from dlk.targets import TWINS
from dlk.verify.simulator import simulator

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


@pytest.mark.needs("yosys")
def test_a_group_keeps_to_its_area(tmp_path: Path) -> None:
    """A group is an eighth of the array, and the array is nearly all: more here is eight times more in the core."""
    found = report.area(tmp_path, top="dlk_group")
    assert found.m10k == 7
    assert 800 < found.alms < 1800
    assert found.alms * 8 < report.CEILING * report.DEVICE_ALMS


@pytest.mark.needs("yosys")
def test_the_row_buffer_is_made_of_memory_blocks(tmp_path: Path) -> None:
    found = report.area(tmp_path, top="dlk_row_buffer")
    assert 52 <= found.m10k <= 56
    assert found.alms < 700


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
    assert simulator(TWINS["fpga"]) == library
