"""Whole libraries on the simulated accelerator itself: what a conversion verifies, on networks of many shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from accelerated import drawn, segnet, step_of
from fpga import TWIN, assert_layers, build_program, opened
from programs import evaluate
from runtime_programs import values
from streams import Stream

from dlk.hw import golden
from dlk.hw.sim.measure import measure
from dlk.lowering.program import Program
from dlk.verify.simulator import simulator

PROGRAMS = {"segnet": segnet(), **{f"drawn {seed}": drawn(seed) for seed in (12, 33, 40)}}


@pytest.fixture(scope="module")
def rtl() -> Path:
    return simulator(TWIN)


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
