"""The built x86 library computes what drawn programs say, on every instruction set and with helping threads."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
from catalogue import Catalogue, present, roomy_tree
from drawn_programs import all_kernels, describe, drawn, seeded
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from programs import codes, evaluate
from runtime_programs import values

import dlk.codegen.parameters
from dlk.lowering.program import Program
from dlk.targets import TARGETS
from dlk.verify.executors import LibraryExecutor

X86 = present(TARGETS["x86"])


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Every kernel with trees that have room for any weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dlk.codegen.parameters, "choose_tree", roomy_tree)
        return Catalogue(tmp_path_factory.mktemp("roomy"), X86, [all_kernels()])


def compare(program: Program, library: Path) -> None:
    x = values(program)
    want = evaluate(program, x)
    expected = codes(program, want)
    for isa in X86.isas:
        for threads in (1, 3):
            with LibraryExecutor(library, name="x86", isa=isa.name, threads=threads) as executor:
                got = executor.trace(x)
                for name, value in expected.items():
                    np.testing.assert_array_equal(got[name], value, err_msg=f"{name} on {isa.name}, {threads} threads")
                np.testing.assert_array_equal(got["output"].view(np.uint32), want["output"].view(np.uint32))
                # Again, in memory that holds the last run's values.
                np.testing.assert_array_equal(executor.run(x).view(np.uint32), want["output"].view(np.uint32))


@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_drawn_programs_equal_numpy(roomy: Catalogue, rng: Random) -> None:
    program = drawn(rng)
    note(describe(program))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dlk.codegen.parameters, "choose_tree", roomy_tree)
        library = roomy.build(program)
    compare(program, library)


def test_drawn_programs_with_the_trees_of_their_weights_equal_numpy(tmp_path: Path) -> None:
    programs = [seeded(seed, length=4) for seed in (1, 3)]
    catalogue = Catalogue(tmp_path, X86, programs)
    for program in programs:
        compare(program, catalogue.build(program))
