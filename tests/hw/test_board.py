"""The DE10-Nano's top module and its adapter in simulation, the lint of both, and what `make bitstream` says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dlk.hw.board.de10_nano.boot import device_tree

HW = Path(__file__).parents[2] / "dlk" / "hw"
BOARD = HW / "board" / "de10_nano"
BENCHES = Path(__file__).parent / "benches"
RTL = sorted((HW / "rtl").glob("*.sv"))
FIXED, INCR, WRAP = range(3)
OKAY, SLVERR = 0, 2


@dataclass(frozen=True)
class Burst:
    """A burst of the lightweight bridge. ``length``: beats less 1; ``size``: log2 of the bytes of a beat."""

    write: bool
    identifier: int
    address: int
    length: int
    size: int
    kind: int

    def packed(self) -> int:
        fields = ((self.write, 0), (self.identifier, 12), (self.address, 21), (self.length, 4), (self.size, 3))
        word = 0
        for value, bits in fields:
            word = word << bits | value
        return word << 2 | self.kind

    def addresses(self) -> list[int]:
        """Return the address of each beat, as the AXI specification gives it (A3.4.1)."""
        step, beats = 1 << self.size, self.length + 1
        if self.kind == FIXED:
            return [self.address] * beats
        aligned = self.address // step * step
        if self.kind == INCR:
            return [self.address, *((aligned + n * step) % (1 << 21) for n in range(1, beats))]
        low = self.address // (beats * step) * (beats * step)
        return [low + (self.address - low + n * step) % (beats * step) for n in range(beats)]


def answer(address: int) -> int:
    """Return what the registers of the bench answer."""
    return {0xE: 2, 0xF: 3}.get(address >> 8 & 0xF, OKAY)


def axi3_to_lite(bursts: list[Burst]) -> dict[str, list[str]]:
    """Return, by kind, the lines that the bench must print."""
    lines: dict[str, list[str]] = {"read": [], "write": [], "at": [], "answer": []}
    for number, burst in enumerate(bursts):
        response = OKAY
        for beat, address in enumerate(burst.addresses()):
            if not burst.write:
                last = int(beat == burst.length)
                lines["read"].append(f"read {burst.identifier} {address} {answer(address)} {last}")
                continue
            strobes = (number + beat) % 16 if number % 4 == 3 else 15
            if strobes == 15:
                lines["write"].append(f"write {number << 16 | beat}")
                lines["at"].append(f"at {address}")
                response = response or answer(address)
            elif strobes:
                response = response or SLVERR
        if burst.write:
            lines["answer"].append(f"answer {burst.identifier} {response}")
    return lines


def bursts() -> st.SearchStrategy[Burst]:
    """Draw bursts that AXI allows: a wrapping one has 2, 4, 8 or 16 beats and begins at a whole beat."""
    word = st.integers(0, (1 << 21) - 1)
    common = {"write": st.booleans(), "identifier": st.integers(0, 4095), "size": st.integers(0, 2)}
    plain = st.builds(Burst, **common, address=word, length=st.integers(0, 15), kind=st.sampled_from([FIXED, INCR]))
    whole = word.map(lambda address: address & ~3)
    return plain | st.builds(Burst, **common, address=whole, length=st.sampled_from([1, 3, 7, 15]), kind=st.just(WRAP))


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bench of the adapter, compiled."""
    program = tmp_path_factory.mktemp("adapter") / "bench.vvp"
    sources = [BENCHES / "axi3_to_lite.sv", BOARD / "dlk_axi3_to_lite.sv"]
    subprocess.run(["iverilog", "-g2012", "-o", program, *sources], check=True)
    return program


@pytest.mark.needs("iverilog")
@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # each example is a simulation: to shrink one would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(played=st.lists(bursts(), min_size=1, max_size=30), seed=st.integers(1, 1000))
def test_bursts_become_single_accesses_and_come_back_with_their_identifier(
    adapter: Path, tmp_path: Path, played: list[Burst], seed: int
) -> None:
    file = tmp_path / "bursts.hex"
    file.write_text("".join(f"{burst.packed():x}\n" for burst in played), encoding="ascii")
    arguments = [f"+bursts={file}", f"+count={len(played)}", f"+seed={seed}"]
    done = subprocess.run(["vvp", "-n", adapter, *arguments], capture_output=True, text=True, check=True)
    printed = done.stdout.splitlines()
    assert printed[-1] == "end", done.stdout
    for kind, expected in axi3_to_lite(played).items():
        assert [line for line in printed if line.split()[0] == kind] == expected


# --- the whole board ---


def verilator(*arguments: str | Path) -> None:
    # Outputs of the processor that we have no use for are left open.
    command = ["verilator", "-Wall", "-Wno-PINCONNECTEMPTY", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("verilator")
@pytest.mark.parametrize("module", ["dlk_axi3_to_lite", "dlk_hps", "dlk_reset_sync"])
def test_a_module_of_the_board_is_clean(module: str) -> None:
    verilator("--lint-only", "--top-module", module, BOARD / f"{module}.sv", BENCHES / "cyclonev.sv")


@pytest.mark.needs("verilator")
def test_the_board_is_clean() -> None:
    files = [*sorted(BOARD.glob("*.sv")), BENCHES / "cyclonev.sv", *RTL]
    verilator("--lint-only", "--top-module", "dlk_de10_nano", *files)


@pytest.mark.needs("verilator", "g++")
def test_the_processor_reaches_the_registers_and_the_core_the_memory(tmp_path: Path) -> None:
    """A list of one command of zeros: it is fetched from where LIST says, and its opcode is an error."""
    files = [BENCHES / "de10_nano.sv", *sorted(BOARD.glob("*.sv")), BENCHES / "cyclonev.sv", *RTL]
    build = ["--binary", "--timing", "-Wno-fatal", "-Wno-lint", "--top-module", "de10_nano"]
    verilator(*build, "-Mdir", tmp_path, "-o", "bench", *files)
    done = subprocess.run([tmp_path / "bench"], capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if not line.startswith("-")] == [
        "read 123 000000 314b4c44 0",  # ID
        "read fff 000004 00000001 0",  # VERSION
        "read 001 000018 3c000100 0",  # LIST
        "memory 3c000100 15",
        "read 002 000014 00000004 0",  # STATUS: error
        "read 003 000020 00000001 0",  # ERROR: opcode
        "read 004 000038 00000010 0",  # WORDS_READ
        "end",
    ]


# --- constraints and the bitstream ---


def test_pins_and_clock_are_those_of_the_module() -> None:
    settings_file = (BOARD / "dlk_de10_nano.qsf").read_text(encoding="utf-8")
    top = (BOARD / "dlk_de10_nano.sv").read_text(encoding="utf-8")
    placed = set(re.findall(r"set_location_assignment PIN_\w+ -to (\S+)", settings_file))
    assert placed == {"FPGA_CLK1_50", "LED[0]", "LED[1]"}
    assert re.search(r"input +logic +FPGA_CLK1_50", top)
    assert re.search(r"output +logic \[1:0\] +LED", top)
    assert "5CSEBA6U23I7" in settings_file
    constraints = (BOARD / "dlk_de10_nano.sdc").read_text(encoding="utf-8")
    assert "-period 20.000 [get_ports FPGA_CLK1_50]" in constraints
    assert '.reference_clock_frequency("50.0 MHz")' in top
    assert '.output_clock_frequency0("100.000000 MHz")' in top


def test_the_registers_are_where_the_bridge_is() -> None:
    assert device_tree.ACCELERATOR.endswith("@ff200000")


def bitstream(out: Path, tools: Path) -> subprocess.CompletedProcess[str]:
    """Run the script with ``tools`` first on a PATH without Quartus."""
    path = os.pathsep.join([str(tools), "/usr/bin", "/bin"])
    return subprocess.run([BOARD / "bitstream", out], env={"PATH": path}, capture_output=True, text=True, check=False)


def quartus(folder: Path, body: str) -> None:
    program = folder / "quartus_sh"
    program.write_text(f"#!/bin/sh\nmkdir -p output\n{body}\n", encoding="utf-8")
    program.chmod(0o755)


COMPILED = "echo image >output/dlk_de10_nano.rbf; echo \"$2\"; printf 'Slack : {}\\n' >output/dlk_de10_nano.sta.summary"


@pytest.mark.skipif(shutil.which("quartus_sh", path="/usr/bin:/bin") is not None, reason="Quartus is installed")
def test_without_quartus_it_says_what_and_where(tmp_path: Path) -> None:
    done = bitstream(tmp_path / "out", tmp_path)
    assert done.returncode == 1
    for part in ("Quartus is missing", "Quartus Prime Lite", "https://", "Cyclone V"):
        assert part in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_image_appears_when_it_meets_its_clock(tmp_path: Path) -> None:
    quartus(tmp_path, COMPILED.format("0.214"))
    done = bitstream(tmp_path / "out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "soc_system.rbf").read_text(encoding="utf-8") == "image\n"
    assert (tmp_path / "out" / "quartus.log").read_text(encoding="utf-8").strip() == str(BOARD / "build.tcl")


@pytest.mark.parametrize(
    ("body", "reason"), [(COMPILED.format("-0.01"), "misses 100 MHz"), ("exit 3", "Quartus failed")]
)
def test_an_image_that_is_late_or_not_made_is_not_kept(tmp_path: Path, body: str, reason: str) -> None:
    quartus(tmp_path, body)
    done = bitstream(tmp_path / "out", tmp_path)
    assert done.returncode == 1
    assert reason in done.stderr
    assert not (tmp_path / "out" / "soc_system.rbf").exists()
