"""The operations of the runtime compute what the program's steps say: windows by phases, parts as views."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn_programs import describe, seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from interpreter import STEPS, ended, interpret
from numpy.typing import NDArray
from programs import Builder
from runtime_programs import PROGRAMS, values

from dlk.lowering.operations import Op, Operation, Operations, Tap, View, operations, taps
from dlk.lowering.program import (
    Concat,
    FloatConv,
    MaxPool,
    Pad,
    Program,
    QuantConv,
    SpaceToDepth,
    Tensor,
    Window,
)

windows = st.builds(
    Window,
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.sampled_from([1, 2]),
    st.tuples(st.integers(0, 9), st.integers(0, 9)),
)


@given(windows, st.integers(0, 20), st.integers(0, 20))
@settings(max_examples=200, deadline=None)
def test_a_tap_is_the_pixel_under_the_window(window: Window, y: int, x: int) -> None:
    found = iter(taps(window))
    for row in range(window.kernel[0]):
        for column in range(window.kernel[1]):
            tap = next(found)
            block, step = (2, 1) if window.stride == 2 else (1, 1)
            assert 0 <= tap.phase < block * block
            under = (
                block * (y * step + tap.dy) + tap.phase // 2,
                block * (x * step + tap.dx) + tap.phase % 2,
            )
            assert under == (y * window.stride + row - window.before[0], x * window.stride + column - window.before[1])
    assert next(found, None) is None


def test_the_taps_of_a_window_of_stride_two() -> None:
    assert taps(Window((1, 3), 2, (0, 1))) == (Tap(1, 0, -1), Tap(0, 0, 0), Tap(1, 0, 0))


class Memory:
    """Tensors by the one that owns the memory; a view is a slice of its channels. What nobody wrote is 77."""

    def __init__(self, program: Operations) -> None:
        self._program = program
        self._arrays: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        root, first = self._program.root(name)
        tensor = self._program.tensors[root]
        if root not in self._arrays:
            self._arrays[root] = np.full(tensor.shape, 77, np.uint8 if tensor.bits else np.float32)
        return self._arrays[root][..., first : first + self._program.tensors[name].shape[2]]

    def __setitem__(self, name: str, array: NDArray[Any]) -> None:
        assert self[name].shape == array.shape, name
        self[name][:] = array


def execute(program: Program, x: NDArray[np.float32]) -> tuple[Operations, Memory]:
    expanded = operations(program)
    memory = Memory(expanded)
    memory[program.input] = np.where(np.abs(x) < 2.0**-126, np.float32(0), x)
    for step in expanded.steps:
        source, result = memory[step.input], expanded.tensors[step.output]
        if step.op is Op.SPACE_TO_DEPTH:
            height, width, _ = source.shape
            even = np.pad(source, ((0, height % 2), (0, width % 2), (0, 0)))
            blocks = [even[dy::2, dx::2] for dy in (0, 1) for dx in (0, 1)]
            memory[step.output] = np.concatenate(blocks, axis=2)
        elif step.op is Op.PAD and isinstance(step.step, Concat):
            memory[step.output] = source
        elif step.taps:
            memory[step.output] = windowed(step, source, result)
        else:
            (memory[step.output],) = STEPS[type(step.step)](step.step, [source], [result])
    return expanded, memory


def windowed(step: Operation, source: NDArray[Any], result: Tensor) -> NDArray[Any]:
    if isinstance(step.step, FloatConv):
        return ended(step.step.epilogue, float_sums(step, step.step, source, result))
    height, width, channels = source.shape
    phases = source.reshape(height, width, step.phases, channels // step.phases)
    under = np.zeros((*result.shape[:2], len(step.taps), channels // step.phases), np.int64)
    for number, tap in enumerate(step.taps):
        for y, x in np.ndindex(result.shape[:2]):
            if 0 <= y + tap.dy < height and 0 <= x + tap.dx < width:
                under[y, x, number] = phases[y + tap.dy, x + tap.dx, tap.phase]
    if isinstance(step.step, MaxPool):
        return under.max(axis=2).astype(np.uint8)
    assert isinstance(step.step, QuantConv)
    weights = step.step.weights.reshape(len(step.taps), -1, result.shape[2])
    return ended(step.step.epilogue, np.tensordot(under, weights.astype(np.int64), axes=2))


def float_sums(step: Operation, conv: FloatConv, source: NDArray[Any], result: Tensor) -> NDArray[np.float32]:
    """Sum over taps, then channels; a move that the convolution does itself makes taps of its channels."""
    weights = conv.weights.reshape(len(step.taps), source.shape[2], -1)
    sums = np.zeros((*result.shape[:2], weights.shape[2]), np.float32)
    for number, tap in enumerate(step.taps):
        for y, x in np.ndindex(result.shape[:2]):
            row, column = y * step.stride + tap.dy, x * step.stride + tap.dx
            if 0 <= row < source.shape[0] and 0 <= column < source.shape[1]:
                for channel, weight in enumerate(weights[number]):
                    sums[y, x] += weight * source[row, column, channel]
    return np.where(np.abs(sums) < 2.0**-126, np.float32(0), sums)


def compare(program: Program) -> None:
    x = values(program)
    expected = interpret(program, x)
    expanded, memory = execute(program, x)
    for name in expected.keys() & expanded.tensors.keys():  # a move that a convolution does itself leaves no tensor
        value = expected[name]
        np.testing.assert_array_equal(memory[name], value, err_msg=f"{name}\n{describe(program)}")
    steps = [step.name for step in expanded.steps if not step.helper]
    assert steps == [step.name for step in program.steps if step.name in steps]  # in the program's order, by its names


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_programs_of_the_runtime(name: str) -> None:
    compare(PROGRAMS[name])


def test_drawn_programs() -> None:
    for seed in range(25):
        compare(seeded(seed, most_pixels=200))


def test_a_concatenation_copies_only_what_cannot_be_written_in_place() -> None:
    net = Builder("parts", (3, 5, 3), 0).float_conv(1, 4, 2)
    a, b = net.split(1, 3)
    c = net.go_on_from("conv1:0").quant_conv(1, 2, 2).last
    program = net.concat(c, a, c).dequantize().program()  # c, a, c, c: in place, part of another tensor, twice more
    expanded = operations(program)
    assert expanded.views == {
        a: View("conv1:0", 0),
        b: View("conv1:0", 1),
        c: View("concat1:0", 0),
        "concat1/part1": View("concat1:0", 2),
        "concat1/part2": View("concat1:0", 3),
        "concat1/part3": View("concat1:0", 5),
    }
    copies = [(step.input, step.output) for step in expanded.steps if step.op is Op.PAD]
    assert copies == [(a, "concat1/part1"), (c, "concat1/part2"), (c, "concat1/part3")]
    assert all(step.helper for step in expanded.steps if step.op is Op.PAD)
    compare(program)


def test_a_concatenation_in_another_one_lies_in_place() -> None:
    net = Builder("nested", (3, 5, 3), 0).float_conv(1, 4, 2)
    first = net.last
    inner = net.quant_conv(1, 2, 2).concat(first).last
    program = net.quant_conv(1, 3, 2).concat(inner).dequantize().program()
    expanded = operations(program)
    assert [step.op for step in expanded.steps if step.helper] == []
    assert [expanded.root(name) for name in ("conv3:0", inner, first, "conv2:0")] == [
        ("concat2:0", 6), ("concat2:0", 0), ("concat2:0", 0), ("concat2:0", 4),
    ]  # fmt: skip
    compare(program)


def test_a_concatenation_of_one_part_costs_nothing() -> None:
    net = Builder("one", (3, 5, 3), 0).float_conv(1, 4, 2).concat().dequantize()
    expanded = operations(net.program())
    assert [step.op for step in expanded.steps] == [Op.FLOAT_CONV, Op.DEQUANTIZE]
    assert expanded.root("conv1:0") == ("concat1:0", 0)
    compare(net.program())


def test_parts_that_nobody_reads_cost_nothing() -> None:
    net = Builder("unused", (3, 5, 3), 0).float_conv(1, 6, 2)
    _, middle, _ = net.split(1, 2, 3)
    program = net.go_on_from(middle).dequantize().program()
    expanded = operations(program)
    assert len(expanded.steps) == 2 and expanded.root(middle) == ("conv1:0", 1)
    compare(program)


def test_a_padding_keeps_its_step_and_phases_are_helpers() -> None:
    net = Builder("pads", (3, 5, 3), 0).float_conv(1, 2, 2).pad((1, 0), (0, 2), (1, 1)).max_pool(2, 2)
    expanded = operations(net.dequantize().program())
    pad, phases, pool = expanded.steps[1:4]
    assert pad.op is Op.PAD and isinstance(pad.step, Pad) and not pad.helper
    assert (phases.op, phases.name, phases.helper) == (Op.SPACE_TO_DEPTH, "pool1/phases", True)
    assert not isinstance(phases.step, SpaceToDepth)  # the image is odd, as no step of the program's own may be
    assert expanded.tensors["pool1/phases"].shape == (2, 4, 16)
    assert (pool.input, pool.phases, pool.helper) == ("pool1/phases", 4, False)
