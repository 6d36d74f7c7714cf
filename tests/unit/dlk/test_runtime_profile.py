"""What the built library tells of its steps, over the C interface: facts, times, and the machine's ceilings."""

from __future__ import annotations

import ctypes
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from runtime_programs import PROGRAMS, values

from dlk.codegen.facts import step_facts
from dlk.codegen.parameters import parameters
from dlk.errors import DlkError
from dlk.profile.latency import WARM_UP, measure
from dlk.profile.library import Ceilings, ProfiledLibrary
from dlk.targets import TARGETS

X86 = TARGETS["x86"]
NULL_POINTER, NOT_INITIALIZED, NOT_AVAILABLE = 1, 2, 8


@pytest.fixture
def library(projects: dict[str, Path]) -> Path:
    return projects["everything"] / "build" / X86.library


@pytest.fixture
def opened(library: Path) -> Iterator[ProfiledLibrary]:
    with ProfiledLibrary(library, name="x86") as executor:
        yield executor


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_library_tells_what_the_converter_found(projects: dict[str, Path], name: str) -> None:
    program = PROGRAMS[name]
    wanted = step_facts(program, parameters(program, 8).steps)
    with ProfiledLibrary(projects[name] / "build" / X86.library, name="x86") as executor:
        assert [dataclasses.astuple(facts) for facts in executor.facts] == [dataclasses.astuple(f) for f in wanted]
        assert executor.model == program.name


def test_steps_are_timed_when_asked_and_the_result_stays_the_same(opened: ProfiledLibrary) -> None:
    x = values(PROGRAMS["everything"])
    want = opened.run(x)
    with pytest.raises(DlkError, match="no run was timed"):
        opened.seconds(cpu=False)
    opened.set_timing(True)
    with pytest.raises(DlkError, match="no run was timed"):
        opened.seconds(cpu=False)
    started = time.monotonic()
    np.testing.assert_array_equal(opened.run(x), want)
    elapsed = time.monotonic() - started
    found = opened.seconds(cpu=False)
    assert len(found) == len(opened.facts)
    assert min(found) >= 0
    assert 0 < sum(found) <= elapsed
    assert len(opened.seconds(cpu=True)) == len(found)
    assert 0 < sum(opened.seconds(cpu=True)) <= elapsed
    opened.set_timing(False)
    opened.run(x)
    assert opened.seconds(cpu=False) == found


def test_latency_is_the_median_of_the_runs_after_the_warm_up(
    opened: ProfiledLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(100))
    steps = len(opened.facts)
    monkeypatch.setattr(opened, "run", lambda _: None)
    monkeypatch.setattr(opened, "seconds", lambda cpu: (float(next(times)),) * steps)
    found = measure(opened, runs=5)
    assert found.steps == (2.0,) * steps
    assert (found.runs, next(times)) == (5, 5)
    assert WARM_UP > 0


def test_several_threads_are_timed_by_the_wall_clock_and_ceilings_are_multiplied(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    with ProfiledLibrary(library, name="x86", threads=2) as executor:
        assert executor.threads == 2
        seconds = executor.seconds
        monkeypatch.setattr(executor, "seconds", lambda cpu: asked.append(cpu) or seconds(cpu=cpu))
        found = measure(executor, runs=3)
        assert len(found.steps) == len(executor.facts)
    assert set(asked) == {False}
    assert 0 < found.fastest <= found.whole
    one = Ceilings(bit_adds=1.0, macs=2.0, bytes=3.0)
    assert dataclasses.astuple(one.times(2)) == (2.0, 4.0, 6.0)
    with pytest.raises(DlkError, match="cannot be initialised"):
        ProfiledLibrary(library, name="x86", threads=65)


@pytest.mark.parametrize("isa", [isa.name for isa in X86.isas])
def test_the_ceilings_of_each_instruction_set_are_numbers(library: Path, isa: str) -> None:
    try:
        executor = ProfiledLibrary(library, name="x86", isa=isa)
    except DlkError:
        pytest.skip(f"this machine has no {isa}")
    with executor:
        found = dataclasses.astuple(executor.measure_ceilings())
    assert np.isfinite(found).all()
    assert min(found) > 1e6  # the slowest machine that ran this at all does that


def test_bad_calls_give_a_status(library: Path) -> None:
    lib = ctypes.CDLL(str(library))
    for name in ("network_create", "dlk_last_error"):
        getattr(lib, name).restype = ctypes.c_void_p
    net = ctypes.c_void_p(lib.network_create())
    out = (ctypes.c_double * 64)()
    doubles = [ctypes.byref(out, 8 * i) for i in range(3)]
    assert lib.dlk_measure_roofline(net, *doubles) == NOT_INITIALIZED
    assert b"network_init" in ctypes.string_at(lib.dlk_last_error(net))
    assert lib.dlk_set_timing(net, True) == 0  # allowed before: a program may set its options first
    assert lib.network_init(net)
    assert lib.dlk_step_seconds(net, out) == lib.dlk_step_cpu_seconds(net, out) == NOT_AVAILABLE
    for missing in range(3):
        assert lib.dlk_measure_roofline(net, *[None if i == missing else p for i, p in enumerate(doubles)]) == 1
    assert lib.dlk_measure_roofline(None, *doubles) == NULL_POINTER
    assert lib.dlk_set_timing(None, True) == NULL_POINTER
    assert lib.dlk_step_seconds(None, out) == lib.dlk_step_seconds(net, None) == NULL_POINTER
    assert lib.dlk_step_info(0, None) == NULL_POINTER
    assert lib.dlk_step_info(-1, out) == lib.dlk_step_info(lib.dlk_step_count(), out) == NOT_AVAILABLE
    lib.network_delete(net)
