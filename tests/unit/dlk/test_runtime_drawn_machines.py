"""Drawn programs on ARM by emulators, in vectors of any length, and under the sanitizers of the machine's compiler."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
from catalogue import Build, Catalogue
from drawn_programs import seeded
from native import gcc
from runtime_programs import PROGRAMS
from test_runtime_machines import run_and_compare

import dlk.build
from dlk.lowering.program import Concat, DepthToSpace, MaxPool, Pad, Program, QuantConv, SpaceToDepth, Split
from dlk.targets import TARGETS, Isa, Target


def programs() -> list[Program]:
    return [PROGRAMS["branching"], *(seeded(seed, length=5, most_pixels=1200) for seed in (9, 10))]


def test_the_programs_are_worth_running() -> None:
    steps = [step for program in programs() for step in program.steps]
    assert {QuantConv, MaxPool, Concat, Split, Pad, SpaceToDepth, DepthToSpace} <= {type(step) for step in steps}
    convs = [step for step in steps if isinstance(step, QuantConv)]
    assert {(step.window.stride, bool((step.weights == 0).any())) for step in convs} == {
        (stride, ternary) for stride in (1, 2) for ternary in (False, True)
    }


def check(folder: Path, target: Target, programs: Sequence[Program], build: Build = dlk.build.build) -> None:
    catalogue = Catalogue(folder, target, programs, build)
    for program in programs:
        library = catalogue.build(program)
        for isa in target.isas:
            command = [*target.emulator, str(catalogue.trace_program)]
            run_and_compare(program, command, library, folder, DLK_ISA=isa.name)


@pytest.mark.needs("qemu-arm")
def test_armv7(tmp_path: Path) -> None:
    check(tmp_path, TARGETS["arm"], programs())


@pytest.mark.needs("qemu-aarch64")
def test_aarch64_and_the_tiles_of_avx512(tmp_path: Path) -> None:
    """Tiles of 512 pixels, which on x86 only a machine with AVX-512 has, are compiled from the same source here."""
    target = TARGETS["aarch64"]
    check(tmp_path, dataclasses.replace(target, isas=(*target.isas, Isa("wide", "generic", 8))), programs())


@pytest.mark.needs("gcc", "g++")
def test_sanitizers_find_nothing_in_branches(tmp_path: Path) -> None:
    """A step may touch its own two tensors only: all else of the arena is poisoned while it runs."""
    target = dataclasses.replace(TARGETS["x86"], isas=TARGETS["x86"].isas[:1])
    check(tmp_path, target, programs(), gcc("DLK_SANITIZE=ON"))
