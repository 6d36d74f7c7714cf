"""The whole accelerator in simulation against its definition in numpy, ==, whatever the memory does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hw_cases import LIST, Case, Layer, case, simulate
from hypothesis import given, settings
from hypothesis import strategies as st

from dlk.hw import command as commands
from dlk.hw.sim.model import ABANDON, BUSY, DONE, Options, Register, Run, Simulator

pytestmark = pytest.mark.needs("verilator")

KERNELS = [(1, 1), (3, 3), (1, 2), (2, 1), (5, 5), (7, 7), (3, 7), (6, 4)]
EDGES = {
    "one pixel": Layer((1, 1, 32), 32),
    "one pixel, 1x1, every channel count odd": Layer((1, 1, 3), 5, (1, 1), (0, 0)),
    "1x1 with one step a tile": Layer((5, 21, 32), 70, (1, 1), (0, 0)),
    "picture smaller than the kernel": Layer((2, 3, 40), 33, (7, 7), (3, 3)),
    "more padding than the kernel reaches": Layer((3, 4, 32), 8, (3, 3), (5, 6)),
    "no padding": Layer((9, 10, 32), 32, (3, 3), (0, 0)),
    "no padding and a row that no window needs": Layer((7, 7, 32), 32, (3, 3), (0, 0), slots=3),
    "as few rows as the kernel has": Layer((8, 9, 64), 64, slots=3),
    "fewer rows than the kernel has": Layer((2, 9, 64), 64, (5, 5), (2, 2), slots=2),
    "the longest row": Layer((2, 4096, 32), 4, slots=2),
    "the most steps": Layer((3, 5, 8 * 32), 32, (4, 8 - 1), (1, 3)),
    "256 steps": Layer((4, 6, 4 * 32), 32, (8 - 1, 7), (3, 3)),
    "depth_to_space": Layer((3, 5, 256), 40, pattern="depth_to_space"),
    "depth_to_space of odd rows, few slots": Layer((5, 1, 128), 33, pattern="depth_to_space", slots=3),
    "space_to_depth": Layer((6, 10, 64), 40, pattern="space_to_depth"),
    "space_to_depth, few slots": Layer((8, 2, 32), 33, pattern="space_to_depth", slots=3),
    "sums of depth_to_space": Layer((3, 5, 128), 11, pattern="depth_to_space", sums=True, sum_words=3),
    "many passes": Layer((2, 3, 32), 400),
}


def _equal(case: Case, after: np.ndarray, run: Run) -> None:
    assert (run.status, run.error, run.commands) == (DONE, 0, case.count)
    np.testing.assert_array_equal(after, case.expected())


@pytest.mark.parametrize("name", EDGES)
def test_edges(library: Path, name: str) -> None:
    layer = EDGES[name]
    made = case([layer], 1)
    run, after = simulate(library, made)
    _equal(made, after, run)
    assert run.steps == layer.steps
    assert run.words_written == layer.words


@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3)])
def test_sums_of_every_width(library: Path, n: int, kernel: tuple[int, int]) -> None:
    layer = Layer((3, 11, 40), 4 * n + 32, kernel, (kernel[0] // 2, kernel[1] // 2), sums=True, sum_words=n)
    made = case([layer], n)
    run, after = simulate(library, made)
    _equal(made, after, run)
    assert run.words_written == layer.words


@st.composite
def _layers(draw: st.DrawFn) -> Layer:
    pattern = draw(st.sampled_from(["plain", "plain", "depth_to_space", "space_to_depth"]))
    channels = draw(st.integers(1, 3)) * {"plain": 32, "depth_to_space": 128, "space_to_depth": 32}[pattern]
    if pattern == "plain":
        channels -= draw(st.integers(0, 31))
    stored = (2 * draw(st.integers(1, 4)), 2 * draw(st.integers(1, 9)), channels)
    if pattern == "plain":
        stored = (stored[0] - draw(st.integers(0, 1)), stored[1] - draw(st.integers(0, 1)), channels)
    layer = Layer(stored, draw(st.integers(1, 100)), pattern=pattern)
    taps = commands.STEPS // (-(-layer.seen[2] // 32))
    kernel = draw(st.sampled_from([k for k in KERNELS if k[0] * k[1] <= taps]))
    padding = draw(st.sampled_from([(kernel[0] // 2, kernel[1] // 2), (0, 0), (kernel[0] - 1, 1)]))
    sums = draw(st.booleans())
    few = min(kernel[0], layer.seen[0]) + draw(st.integers(0, 2))
    slots = draw(st.sampled_from([0, few]))
    return replace(layer, kernel=kernel, padding=padding, sums=sums, sum_words=draw(st.integers(1, 8)), slots=slots)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(_layers(), min_size=1, max_size=4), st.integers(0, 1 << 20), st.sampled_from([0, 0, 40, 128, 220]),
    st.sampled_from([1, 7, 30, 200]),
)  # fmt: skip
def test_random_lists_of_commands(library: Path, layers: list[Layer], seed: int, stall: int, latency: int) -> None:
    made = case(layers, seed)
    run, after = simulate(library, made, Options(latency=latency, stall=stall, seed=seed))
    _equal(made, after, run)
    assert run.steps == sum(layer.steps for layer in layers)
    assert run.words_written == sum(layer.words for layer in layers)


def test_a_command_reads_what_the_one_before_it_wrote(library: Path) -> None:
    layers = [
        Layer((8, 12, 32), 64),
        Layer((8, 12, 64), 128, pattern="space_to_depth"),
        Layer((4, 6, 256 // 2), 128, (1, 1), (0, 0)),
        Layer((4, 6, 128), 20, pattern="depth_to_space"),
        Layer((8, 12, 20), 11, sums=True, sum_words=3),
    ]
    made = case(layers, 5, chained=True)
    for stall in (0, 90):
        run, after = simulate(library, made, Options(stall=stall, seed=stall))
        _equal(made, after, run)


def test_stalls_change_cycles_and_never_results(library: Path) -> None:
    made = case([Layer((9, 14, 64), 96), Layer((9, 14, 64), 12, sums=True, sum_words=3)], 6)
    seen = {}
    for stall, latency in [(0, 1), (0, 30), (0, 300), (60, 30), (200, 30), (250, 30)]:
        run, after = simulate(library, made, Options(latency=latency, stall=stall, seed=9))
        _equal(made, after, run)
        seen[stall, latency] = run.cycles
    assert sorted(seen.values())[-1] == seen[250, 30]
    assert seen[0, 1] < seen[0, 30] < seen[60, 30] < seen[200, 30]


def test_the_registers_tell_what_the_core_is(library: Path) -> None:
    with Simulator(library, 1 << 12) as sim:
        assert sim.read32(Register.ID).to_bytes(4, "little") == b"DLK1"
        assert sim.read32(Register.VERSION) == 1
        assert sim.read32(Register.ARRAY) == 4 | 32 << 8 | 32 << 16 | 16 << 24
        assert sim.read32(Register.BUFFERS) == commands.ROW_WORDS | commands.STEPS << 16
        assert [sim.read32(offset) for offset in (0x40, 0x7C, 0xFC)] == [0, 0, 0]  # type: ignore[arg-type]
        assert sim.read32(Register.STATUS) == 0
        sim.write32(Register.LIST, 0xABCD_EF80)
        sim.write32(Register.COUNT, 0x1_2345)
        assert (sim.read32(Register.LIST), sim.read32(Register.COUNT)) == (0xABCD_EF80, 0x2345)


def test_the_cycles_of_a_run_are_steps_stalls_and_little_else(library: Path) -> None:
    layer = Layer((24, 40, 64), 64)
    run, _ = simulate(library, case([layer], 0))
    assert run.steps == layer.steps
    rows = 2 * 24
    assert 0 < run.cycles - run.steps - run.stalls < 400 + 6 * rows
    assert run.words_read == 16 + 2 * (32 + 16 * 18) + 2 * 24 * 40 * 2


@pytest.mark.parametrize(
    ("stored", "outputs", "options"),
    [((30, 40, 128), 32, {}), ((16, 20, 256), 256, {}), ((30, 40, 128), 128, {"pattern": "depth_to_space"})],
)  # fmt: skip
def test_the_array_waits_seldom(
    library: Path, stored: tuple[int, int, int], outputs: int, options: dict[str, str]
) -> None:
    run, _ = simulate(library, case([Layer(stored, outputs, **options)], 0))  # type: ignore[arg-type]
    assert run.stalls <= 0.15 * run.cycles


def test_a_start_while_busy_is_ignored(library: Path) -> None:
    made = case([Layer((9, 14, 64), 96)], 7)
    with Simulator(library, made.memory.nbytes) as sim:
        sim.memory[:] = made.memory
        sim.start(LIST, 1)
        for _ in range(5):
            sim.step(300)
            assert sim.read32(Register.STATUS) == BUSY
            sim.start(LIST + 8, 0)
        _equal(made, sim.memory, sim.finish(100_000))


def test_a_run_may_be_abandoned_in_any_cycle(library: Path) -> None:
    """A tile of one step every four cycles: whatever is under way in the array or on the bus, nothing of it is left."""
    made = case([Layer((4, 17, 32), 8, (1, 1), (0, 0), sums=True, sum_words=1), Layer((2, 5, 32), 33)], 8)
    expected = made.expected()
    with Simulator(library, made.memory.nbytes, Options(latency=9)) as sim:
        sim.memory[:] = made.memory
        first = sim.run(LIST, 2)
        for after in range(first.cycles + 5):
            sim.memory[:] = made.memory
            sim.start(LIST, 2)
            sim.step(after)
            sim.write32(Register.CONTROL, ABANDON)
            sim.finish(2000)
            run = sim.run(LIST, 2, limit=20_000)
            assert run == first, after
            np.testing.assert_array_equal(sim.memory, expected)


@pytest.mark.parametrize("stall", [0, 150])
def test_an_abandoned_run_leaves_a_core_that_works(library: Path, stall: int) -> None:
    made = case([Layer((9, 14, 64), 96), Layer((9, 14, 64), 7, sums=True, sum_words=2)], 8)
    with Simulator(library, made.memory.nbytes, Options(stall=stall, seed=3)) as sim:
        for after in (0, 3, 17, 60, 95, 130, 200, 450, 900, 1777, 2500, 3100):
            sim.memory[:] = made.memory
            sim.start(LIST, 2)
            sim.step(after)
            sim.write32(Register.CONTROL, ABANDON)
            run = sim.finish(20_000)
            assert (run.status, run.error) == (0, 0)
            before = sim.memory.copy()
            sim.memory[:] = made.memory
            _equal(made, sim.memory, sim.run(LIST, 2))
            untouched = np.ones(before.size, bool)
            for address, words in made.outputs:
                untouched[address // 8 : address // 8 + words] = False
            np.testing.assert_array_equal(before[untouched], made.memory[untouched])
