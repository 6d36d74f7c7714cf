"""Tensors in memory, simulated: a window sees zeros outside of the image, and nothing is overwritten too early."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from drawn_programs import seeded
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from programs import Builder
from runtime_programs import PROGRAMS

from dlk.lowering.layout import Arena, Layout, lay_out
from dlk.lowering.operations import Operation, Operations, operations
from dlk.lowering.program import Program, Window

LANES = (1, 2, 4, 8)  # 64-bit words of a vector
LINE = 64


def laid_out(program: Program) -> tuple[Operations, Arena]:
    expanded = operations(program)
    return expanded, lay_out(expanded, program.input, program.output)


def extent(layout: Layout) -> tuple[int, int]:
    """Return the first byte of a tensor's memory in the arena, guards included, and the one behind its last."""
    if not layout.bits:
        return layout.offset, layout.offset + 4 * layout.height * layout.width * layout.channels
    words = layout.channels * layout.bits * layout.plane_words
    return layout.offset - 8 * layout.guard, layout.offset + 8 * words


def positions(step: Operation, source: Layout, result: Layout) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the bit that each tap of each pixel of the output reads, counted from its plane, and which are pixels."""
    y, x = np.mgrid[: result.height, : result.width]
    ways = np.array([(tap.dy, tap.dx) for tap in step.taps])
    rows, columns = y + ways[:, 0, None, None], x + ways[:, 1, None, None]
    inside = (rows >= 0) & (rows < source.height) & (columns >= 0) & (columns < source.width)
    # The kernel adds one way to the position in the output's stream.
    return y * result.stride + x + (ways @ [source.stride, 1])[:, None, None], inside


def windows_on_codes(expanded: Operations) -> list[Operation]:
    """Return the steps whose windows move along the stream of bit-planes."""
    return [step for step in expanded.steps if step.taps and expanded.tensors[step.input].bits]


def check_windows(program: Program) -> None:
    expanded, arena = laid_out(program)
    for step in windows_on_codes(expanded):
        source, result = arena.layouts[step.input], arena.layouts[step.output]
        if not result.bits:  # floats are written pixel by pixel; the stream is that of the input
            result = Layout("", result.height, result.width, 0, 0, source.stride, 0, 0)
        assert source.stride == result.stride, step.name
        at, inside = positions(step, source, result)
        rows, columns = at // source.stride, at % source.stride
        pixels = (at >= 0) & (rows < source.height) & (columns < source.width)
        assert (pixels == inside).all(), step.name
        # The zeros behind a plane are at least the guard, so those before a plane are, too.
        bits = source.height * source.stride
        assert 64 * source.plane_words >= bits + 64 * source.guard, step.name
        assert at.min() >= -64 * source.guard and at.max() < 64 * source.plane_words, step.name


def check_vectors(program: Program) -> None:
    """Whole vectors stay in the tensor's memory for reading, and in the plane for writing."""
    expanded, arena = laid_out(program)
    for step in windows_on_codes(expanded):
        source, result = arena.layouts[step.input], arena.layouts[step.output]
        ways = [tap.dy * source.stride + tap.dx for tap in step.taps]
        for lanes in LANES:
            tiles = -(-result.height * source.stride // (64 * lanes))
            first, last = min(ways) // 64, ((tiles - 1) * 64 * lanes + max(ways)) // 64 + lanes
            assert first >= -source.guard, (step.name, lanes)
            assert last < source.plane_words, (step.name, lanes)  # of the last plane, too: no word behind it
            if result.bits:
                assert tiles * lanes <= result.plane_words, (step.name, lanes)


def check_times(program: Program) -> None:
    """Run twice: whatever a step reads is what its maker wrote last, and memory that held others is cleared."""
    expanded, arena = laid_out(program)
    owner = np.full(-(-arena.size // LINE), "", object)  # of each line
    whole: dict[str, set[int]] = {}  # written channels
    others: set[str] = set()

    def lines(name: str) -> slice:
        begin, end = extent(arena.layouts[name])
        assert 0 <= begin < end <= arena.size, name
        return slice(begin // LINE, -(-end // LINE))

    def write(name: str) -> None:
        root, first = expanded.root(name)
        place = lines(root)
        if not (owner[place] == root).all():
            if (owner[place] != "").any():
                others.add(root)
            whole[root] = set()
            owner[place] = root
        whole[root] |= set(range(first, first + arena.layouts[name].channels))

    def read(name: str) -> None:
        root, first = expanded.root(name)
        assert (owner[lines(root)] == root).all(), f"{name} was overwritten"
        assert set(range(first, first + arena.layouts[name].channels)) <= whole[root], f"{name} is not complete"

    for _ in range(2):
        write(program.input)
        for step in expanded.steps:
            read(step.input)
            write(step.output)
            read(step.input)  # it is still being read while the output is written
        read(program.output)
    roots = {name: expanded.root(name)[0] for name in expanded.tensors}
    used = {program.input, *(name for step in expanded.steps for name in (step.input, step.output))}
    for name in used:
        assert arena.layouts[name].reused or roots[name] not in others, name


def check_views(program: Program) -> None:
    expanded, arena = laid_out(program)
    for name, view in expanded.views.items():
        part, parent = arena.layouts[name], arena.layouts[view.parent]
        assert (part.stride, part.guard, part.plane_words) == (parent.stride, parent.guard, parent.plane_words)
        assert part.offset == parent.offset + 8 * view.channel * parent.bits * parent.plane_words
        assert extent(part)[0] >= extent(parent)[0] and extent(part)[1] <= extent(parent)[1]


CHECKS = (check_windows, check_vectors, check_times, check_views)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_programs_of_the_runtime(name: str, check: Callable[[Program], None]) -> None:
    check(PROGRAMS[name])


@pytest.mark.parametrize("check", CHECKS)
def test_drawn_programs(check: Callable[[Program], None]) -> None:
    for seed in range(60):
        check(seeded(seed))


windows = st.builds(
    lambda kernel, stride, before: Window(kernel, stride, before),
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.sampled_from([1, 2]),
    st.tuples(st.integers(0, 9), st.integers(0, 9)),
)


@given(windows, st.tuples(st.integers(1, 9), st.integers(1, 140)), st.tuples(st.integers(1, 12), st.integers(1, 150)))
@settings(max_examples=150, deadline=None)
@example(Window((2, 1)), (2, 512), (2, 512))  # the last tap is whole lines away: its vectors end one word further
@example(Window((1, 1)), (6, 100), (10, 100))  # the last tile of the taller output begins beyond the image
def test_any_window_and_any_size_of_the_output(window: Window, size: tuple[int, int], result: tuple[int, int]) -> None:
    """Also outputs that lie wholly beside the image."""
    net = Builder("window", (*size, 1), 0).float_conv(1, 2, 2)
    net.quant_conv(0, 2, 2, window=window, size=result)
    program = net.max_pool(0, window.stride, window, result).dequantize().program()
    for check in CHECKS:
        check(program)


def test_an_input_and_an_output_that_others_outlive() -> None:
    """Two readers of the input, and steps that follow the one that makes the output."""
    net = Builder("ends", (5, 9, 3), 0).float_conv(3, 40, 2)
    output = net.dequantize().last
    net.go_on_from("conv1:0").quant_conv(1, 40, 2).quant_conv(3, 40, 2).quant_conv(1, 9, 2)
    net.go_on_from("input").float_conv(1, 4, 2).quant_conv(3, 20, 2).dequantize()
    program = dataclasses.replace(net.program(), output=output)
    for check in CHECKS:
        check(program)
