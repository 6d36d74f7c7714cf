"""What the converter tells of each step: operations and bytes of one image."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from programs import Builder
from runtime_programs import PROGRAMS

from dlk.codegen.facts import StepFacts, step_facts
from dlk.codegen.parameters import parameters
from dlk.lowering.class_lists import bit_adds, class_sizes, sign_bits, tree_shape
from dlk.lowering.program import Program, QuantConv


def facts_of(program: Program) -> list[StepFacts]:
    return step_facts(program, parameters(program, 8).steps)


def segnet(height: int, width: int) -> Program:
    """LmSegnetV1Quantize as the README describes it, with random weights."""
    net = Builder("segnet", (height, width, 3), 1).space_to_depth().float_conv(1, 16, 2).space_to_depth()
    net.quant_conv(3, 64, 2).quant_conv(3, 64, 2).space_to_depth()
    for _ in range(4):
        net.quant_conv(3, 256, 2)
    net.depth_to_space().quant_conv(3, 128, 2).depth_to_space().quant_conv(3, 128, 2).depth_to_space()
    return net.quant_conv(3, 32, 2).quant_conv(3, 11, 0).program()


def test_the_network_of_the_readme_has_11_7_billion_multiply_adds() -> None:
    facts = facts_of(segnet(360, 480))
    assert len(facts) == 16  # the first move is done by the convolution that reads it
    assert sum(fact.macs for fact in facts) == 11_703_398_400
    assert {fact.kind for fact in facts} == {"space_to_depth", "depth_to_space", "float_conv", "quant_conv"}


def test_each_kind_of_step_has_the_bits_and_bytes_of_its_tensors() -> None:
    net = Builder("p", (6, 10, 3), 1).float_conv(3, 5, 2).quant_conv(3, 4, 3).space_to_depth().dequantize()
    conv, quant, move, dequantize = facts_of(net.program())
    assert conv == StepFacts(
        name="conv1",
        kind="float_conv",
        input_bits=32,
        output_bits=2,
        weight_bits=32,
        macs=60 * 27 * 5,
        bit_adds=0,
        bytes_read=60 * 3 * 4 + 27 * 5 * 4 + 16 * 3 * 4,  # image, weights, thresholds of 16 columns
        bytes_written=60 * 5 * 2 // 8,
    )
    assert (quant.kind, quant.input_bits, quant.weight_bits, quant.output_bits) == ("quant_conv", 2, 1, 3)
    assert quant.macs == 60 * 45 * 4
    assert quant.bytes_read == 75 + -(-45 * 4 // 8) + 4 * 7 * 4 + 4
    assert quant.bytes_written == 60 * 4 * 3 // 8
    assert (move.macs, move.bit_adds, move.weight_bits) == (0, 0, 0)
    assert move.bytes_read == move.bytes_written == 90
    assert (dequantize.input_bits, dequantize.output_bits, dequantize.bytes_written) == (3, 32, 15 * 16 * 4)


def test_bit_adds_are_those_of_the_tree_for_every_pixel() -> None:
    program = segnet(24, 32)
    trees = {step.name: step.tree for step in parameters(program, 8).steps}
    facts = {fact.name: fact for fact in facts_of(program)}
    for step in program.steps:
        if isinstance(step, QuantConv):
            height, width, _ = program.tensors[step.output].shape
            adds = bit_adds(step.weights, program.tensors[step.input].bits, trees[step.name])
            assert facts[step.name].bit_adds == height * width * adds > 0


def test_a_tree_without_branches_adds_every_bit_of_every_input_about_once() -> None:
    """Depth 0: each output counts its K inputs alone; adding n bits of one weight takes no more than n adders."""
    weights = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), size=(3, 3, 16, 4))
    shape = tree_shape(class_sizes(sign_bits(weights), 0), 1)
    least = 4 * (144 - shape.widths[0])
    most = 4 * (2 * 144 + shape.widths[0])
    assert least <= bit_adds(weights, 1, shape) <= most


@pytest.mark.parametrize("name", PROGRAMS)
def test_facts_are_whole_and_not_negative(name: str) -> None:
    for fact in facts_of(PROGRAMS[name]):
        numbers = [value for value in dataclasses.astuple(fact) if not isinstance(value, str)]
        assert all(type(value) is int and value >= 0 for value in numbers), fact
        assert fact.bytes_read > 0 < fact.bytes_written
        assert (fact.bit_adds > 0) == (fact.kind == "quant_conv")
