"""What the accelerator is given computes, in its numpy model, what the program computes; what it lacks is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from accelerated import drawn, run, segnet, step_of
from hypothesis import given, settings
from hypothesis import strategies as st
from interpreter import interpret
from programs import Builder
from runtime_programs import branching, everything, values

from dlk.hw.command import COMMAND_WORDS, Command
from dlk.hw.limits import LIMITS, Convolution, MisfitError, misfits_of
from dlk.lowering.offload import offload
from dlk.lowering.program import Affine, Kind, Program, QuantConv, Tensor, Window


def kinds(program: Program) -> list[str]:
    return [type(step).__name__ for step in program.steps]


def assert_equal(program: Program, slot: int = 0) -> None:
    """Compare every layer of the accelerated step with the program's own."""
    lowered = offload(program)
    step = step_of(program)
    want = interpret(program, values(program))
    result, codes = run(step, want[step.input], slot, lowered.tensors[step.output])
    np.testing.assert_array_equal(result, want[step.output])
    convs = [other for other in program.steps if isinstance(other, QuantConv)]
    assert step.layers == tuple(conv.name for conv in convs)
    if slot == 0:
        written = [conv for conv in convs if program.tensors[conv.output].bits]
        assert list(codes) == [conv.name for conv in written]
        for conv in written:
            np.testing.assert_array_equal(codes[conv.name], want[conv.output], err_msg=conv.name)


@pytest.mark.parametrize("slot", [0, 1])
def test_a_small_segnet_is_one_step(slot: int) -> None:
    program = segnet()
    lowered = offload(program)
    assert [type(step).__name__ for step in lowered.steps] == [
        "SpaceToDepth",
        "FloatConv",
        "SpaceToDepth",
        "Accelerated",
    ]
    assert list(lowered.tensors) == ["input", "s2d1:0", "conv1:0", "s2d2:0", "conv6:0"]
    assert_equal(program, slot)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 20))
def test_any_chain_computes_what_its_layers_compute(seed: int) -> None:
    assert_equal(drawn(seed))


def test_the_pictures_of_the_memory_do_not_overlap() -> None:
    step = step_of(segnet())
    commands = [
        Command.from_words(step.image[at : at + COMMAND_WORDS])
        for slot in step.slots
        for at in range(slot.commands // 8, slot.commands // 8 + len(step.layers) * COMMAND_WORDS, COMMAND_WORDS)
    ]
    begins = {command.source for command in commands} | {command.target for command in commands}
    assert len(begins) == 2 + 4 + 2, "two inputs, four maps between, two results"
    assert all(address % 128 == 0 and address >= step.image.nbytes for address in begins)
    for command in commands:
        words = command.passes * command.out_height * command.out_width * max(command.sum_words, 1)
        behind = min([begin for begin in begins if begin > command.target], default=step.size)
        assert command.target + 8 * words <= behind
    assert [slot.input for slot in step.slots] == [commands[0].source, commands[5].source]


def test_a_move_before_the_first_layer_is_taken_along_where_it_can_be() -> None:
    def chain(channels: int) -> Program:
        net = Builder("chain", (8, 8, 3), 1).float_conv(1, channels, 2).space_to_depth()
        return net.quant_conv(3, 8, 0).program()

    assert kinds(offload(chain(32))) == ["FloatConv", "Accelerated"]
    assert kinds(offload(chain(24))) == ["FloatConv", "SpaceToDepth", "Accelerated"]
    assert_equal(chain(32))


def net(channels: int = 32, bits: int = 2, size: tuple[int, int] = (6, 6)) -> Builder:
    return Builder("net", (*size, 3), 1).float_conv(1, channels, bits).quant_conv(1, 32, 2)


def around() -> Program:
    """Layers beside and behind the quantized ones read what stood before them."""
    build = Builder("around", (4, 4, 3), 1).float_conv(1, 8, 2)
    first = build.last
    build.quant_conv(1, 8, 2).quant_conv(1, 8, 2)
    last = build.last
    build.go_on_from(last).concat(first)
    return build.dequantize().program()


MISFITS: dict[str, tuple[Callable[[], Program], list[str]]] = {
    "kernel": (lambda: net().quant_conv(9, 8, 0).program(), ["conv3: a kernel of 9x9 (at most 7x7)"]),
    "stride": (lambda: net().quant_conv(3, 8, 0, stride=2).program(), ["conv3: stride 2 (stride 1)"]),
    "padding": (
        lambda: net().quant_conv(0, 8, 0, window=Window((3, 3), 1, (3, 0)), size=(7, 4)).program(),
        ["conv3: padding of (3, 0) before and (0, 0) after (less than the kernel on each side)"],
    ),
    "ternary": (lambda: net().quant_conv(3, 8, 0, ternary=True).program(), ["conv3: ternary weights (-1 and +1)"]),
    "bits": (lambda: net(bits=3).quant_conv(3, 8, 0).program(), ["conv2: activations of 3 bits (at most 2 bits)"]),
    "steps": (
        lambda: net().quant_conv(1, 161, 2).quant_conv(7, 8, 0).program(),
        ["conv4: 161 input channels with a kernel of 7x7, 294 steps (at most 256 steps: groups of 32 channels"],
    ),
    "rows": (
        lambda: net(size=(3, 2732)).quant_conv(3, 8, 0).program(),
        ["conv3: 3 rows of 2732 pixels with 32 channels, 8196 words (at most 8192 words)"],
    ),
    "move": (
        lambda: net().quant_conv(1, 64, 2).depth_to_space().quant_conv(1, 8, 0).program(),
        ["d2s1: depth_to_space of 64 channels (a multiple of 128)"],
    ),
    "two moves": (
        lambda: net().space_to_depth().depth_to_space().quant_conv(1, 8, 0).program(),
        ["d2s1: a second move of pixels in a row (the accelerator has none)"],
    ),
    "floats": (lambda: Builder("net", (4, 4, 3), 1).float_conv(1, 8, 0).program(), ["net: no quantized convolution"]),
    "floats between": (
        lambda: net().quant_conv(1, 8, 0).float_conv(1, 8, 2).quant_conv(1, 8, 0).program(),
        ["conv4: a convolution of floats (the accelerator has none)"],
    ),
    "around": (around, ["concat1: reads conv1:0 past the quantized layers (what the last of them makes)"]),
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_the_accelerator_lacks_is_named_with_its_layer(name: str) -> None:
    make, words = MISFITS[name]
    with pytest.raises(MisfitError) as caught:
        offload(make())
    found = [str(misfit) for misfit in caught.value.misfits]
    assert len(found) == len(words)
    for told, word in zip(found, words, strict=True):
        assert told.startswith(word)
    assert caught.value.fix


def test_sizes_have_sixteen_bits_and_groups_eight() -> None:
    step = QuantConv("conv", "a", "b", np.ones((1, 1, 1, 1), np.int8), Affine(np.ones(1), np.zeros(1)), Window((1, 1)))

    def told(source: tuple[int, int, int], result: tuple[int, int, int]) -> list[str]:
        layer = Convolution(step, Tensor("a", Kind.CODES, source, 2), Tensor("b", Kind.FLOAT, result))
        return [str(misfit) for misfit in misfits_of(layer)]

    assert told((65535, 4, 32), (65535, 4, 8160)) == []
    assert told((65536, 4, 32), (65536, 4, 32)) == ["conv: 65536 rows or columns (at most 65535)"]
    assert told((4, 4, 32), (4, 4, 8161)) == ["conv: 8161 channels (at most 8160 channels)"]


def test_each_limit_says_in_numbers_what_a_layer_takes_of_it() -> None:
    program = net().quant_conv(3, 96, 2).program()
    step = next(step for step in program.steps if isinstance(step, QuantConv) and step.weights.shape[3] == 96)
    layer = Convolution(step, program.tensors[step.input], program.tensors[step.output])
    height, width, channels = layer.source.shape
    groups = -(-channels // 32)
    assert {limit.part: limit.used(layer) for limit in LIMITS if limit.used} == {
        "kernel": 3,
        "stride": 1,
        "padding": 0,
        "weights": 0,
        "activations": 2,
        "steps of a tile": 9 * groups,
        "row buffer": 3 * layer.slot_words,
        "rows and columns": max(height, width),
        "channels": max(channels, 96),
    }
    assert [limit.part for limit in LIMITS if limit.used is None] == []


def test_all_layers_that_do_not_fit_are_named_at_once() -> None:
    with pytest.raises(MisfitError) as caught:
        offload(branching())
    layers = {misfit.layer for misfit in caught.value.misfits}
    assert layers >= {"conv2", "conv3", "concat1", "pool1", "split2", "concat2", "pad1", "pool2", "pool3", "conv5"}
    assert "pool1: a max pool" in str(caught.value)
    with pytest.raises(MisfitError):
        offload(everything())
