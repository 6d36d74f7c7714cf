"""Whole libraries on the simulated accelerator itself: what a conversion verifies, on networks of many shapes."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
from accelerated import drawn, segnet, step_of
from fpga import ARM, assert_layers, build_program, opened
from programs import evaluate
from runtime_programs import values
from streams import Stream

import dlk.verify.served
from dlk.build import trace_program
from dlk.errors import VerificationError
from dlk.hw import golden
from dlk.hw.sim.measure import measure
from dlk.hw.sim.model import Register
from dlk.hw.sim.serve import ANSWER, CREATE, READ, REQUEST, WRITE, Server
from dlk.lowering.program import Program
from dlk.verify.available import Built, find_executors
from dlk.verify.executors import Executor
from dlk.verify.simulator import client, simulator

PROGRAMS = {"segnet": segnet(), **{f"drawn {seed}": drawn(seed) for seed in (12, 33, 40)}}


@pytest.fixture(scope="module")
def rtl() -> Path:
    return simulator()


@pytest.mark.needs("verilator")
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_the_accelerator_computes_every_layer(rtl: Path, tmp_path: Path, program: Program) -> None:
    frames = [values(program, seed) for seed in range(3)]
    with opened(build_program(tmp_path / "project", program), rtl) as executor:
        for x in frames:
            assert_layers(program, executor.trace(x), x)
        for got, x in zip(Stream(executor).run(frames), frames, strict=True):
            np.testing.assert_array_equal(got, evaluate(program, x)["output"])


@pytest.mark.needs("verilator")
def test_a_measured_list_is_compared_and_each_layer_told(rtl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = segnet()
    step = step_of(program)
    codes = np.random.default_rng(2).integers(0, 4, program.tensors[step.input].shape, np.uint8)
    found = measure(rtl, step, codes, alone=True)
    assert (found.mismatches, list(found.layers)) == (0, list(step.layers))
    alone = found.layers.values()
    assert sum(run.steps for run in alone) == found.network.steps
    assert sum(run.words_written for run in alone) == found.network.words_written
    assert found.stall_share == found.network.stalls / found.network.cycles
    define = golden.run

    def another(memory: golden.Memory, address: int, count: int) -> None:
        define(memory, address, count)
        memory.words[step.slots[0].output // 8] ^= np.uint64(0x1_0001)  # bits of two sums

    monkeypatch.setattr(golden, "run", another)
    changed = measure(rtl, step, codes)
    assert (changed.mismatches, changed.layers, changed.network) == (2, {}, found.network)


def served(folder: Path, program: Program, simulator: Path) -> Executor:
    """Return the board's library on an emulated machine, with a simulator that runs on this one."""
    library = build_program(folder / "project", program, ARM)
    built = Built(ARM, library, trace_program(library.parents[1]), simulator, client(ARM))
    (candidate,), _ = find_executors([built])
    assert candidate.emulated
    return candidate.executor


@pytest.mark.needs("verilator", "qemu-arm")
def test_an_emulated_board_reaches_the_accelerator_that_is_simulated_here(rtl: Path, tmp_path: Path) -> None:
    program = segnet()
    executor = served(tmp_path, program, rtl)
    for seed in range(2):
        x = values(program, seed)
        assert_layers(program, executor.trace(x), x)
    np.testing.assert_array_equal(executor.run(x), evaluate(program, x)["output"])


@pytest.mark.needs("qemu-arm")
def test_without_a_server_the_emulated_board_has_no_accelerator(
    stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = segnet()
    executor = served(tmp_path, program, stand_in)
    monkeypatch.setattr(dlk.verify.served, "VARIABLE", "ANOTHER")
    with pytest.raises(VerificationError) as caught:
        executor.run(values(program))
    assert "for the simulator" in str(caught.value.received)


def test_a_program_that_ends_early_leaves_the_server_whole(stand_in: Path) -> None:
    with Server(stand_in) as server:
        for request in (b"", b"abc", REQUEST.pack(READ, 0, 0), REQUEST.pack(CREATE, 0, 64)):
            with socket.socket(socket.AF_UNIX) as program:
                program.connect(str(server.address))
                program.sendall(request)
        with socket.socket(socket.AF_UNIX) as program:
            program.connect(str(server.address))
            answers = []
            for request in ((CREATE, 0, 64), (READ, Register.ID, 0), (WRITE, Register.COUNT, 7), (READ, 0x1C, 0)):
                program.sendall(REQUEST.pack(*request))
                answers.append(*ANSWER.unpack(program.recv(ANSWER.size, socket.MSG_WAITALL)))
            assert answers == [1, 0x314B4C44, 0, 7]
            assert server.address.with_name("socket.memory").stat().st_size == 64
    assert not server.address.parent.exists()
