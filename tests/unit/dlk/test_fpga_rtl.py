"""Whole libraries on the simulated accelerator itself: what a conversion verifies, on networks of many shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from accelerated import drawn, segnet
from fpga import TWIN, assert_layers, build_program, opened
from programs import evaluate
from runtime_programs import values
from streams import Stream

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
