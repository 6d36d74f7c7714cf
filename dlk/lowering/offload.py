"""From the quantized part of a program to one step: a list of commands, their parameters and a plan of the memory.

The memory holds the commands, the parameters, and then a place of its own for everything that a layer makes, so that
each can be looked at after a run. Input and result have two places, each with its own list of commands: a frame's input
can be written, and its result be read, while the accelerator works on another frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dlk.hw import command as commands
from dlk.hw.command import COMMAND_WORDS, ROW_WORDS, Command, RowPattern, pitch_of
from dlk.hw.layout import ALIGNMENT, BYTES, CHANNELS, GROUP_OUTPUTS, groups_of, pack_pass
from dlk.hw.limits import Move
from dlk.lowering.memory import round_up
from dlk.lowering.program import (
    Accelerated,
    Affine,
    DepthToSpace,
    Placed,
    Program,
    QuantConv,
    Slot,
    SpaceToDepth,
    Tensor,
    Thresholds,
)
from dlk.lowering.quantized_part import Link, quantized_part

NAME = "accelerator"
FRAMES = 2
"""Frames that can be under way at once."""

_PATTERNS: dict[type[Move], Callable[[int, int, int], RowPattern]] = {
    SpaceToDepth: commands.space_to_depth,
    DepthToSpace: commands.depth_to_space,
}


def offload(program: Program) -> Program:
    """Return the program with one step ``Accelerated`` for its quantized part.

    Raises:
        MisfitError: there are layers that the accelerator can't do; all of them are named.
    """
    part = quantized_part(program)
    links = part.links
    step = _accelerated(links)
    steps = (*part.head, step, *part.tail)
    kept = {program.input, *(name for other in steps for name in (*other.reads, *other.writes))}
    tensors = {name: tensor for name, tensor in program.tensors.items() if name in kept}
    return replace(program, tensors=tensors, steps=steps)


def _accelerated(links: Sequence[Link]) -> Accelerated:
    last = links[-1].layer
    epilogue = last.step.epilogue
    sum_words = _sum_words(last.step) if isinstance(epilogue, Affine) else 0
    memory = _Memory()
    lists = [memory.take(len(links) * COMMAND_WORDS) for _ in range(FRAMES)]
    parameters = [_parameters(link.layer.step) for link in links]
    places = [memory.take(words.size) for words in parameters]
    image = np.zeros(memory.size // BYTES, np.uint64)
    inputs = [memory.take(_code_words(links[0].stored)) for _ in range(FRAMES)]
    inner = [memory.take(_code_words(link.layer.result)) for link in links[:-1]]
    result_words = _pixels(last.result) * groups_of(last.result.shape[2]) * max(sum_words, 1)
    outputs = [memory.take(result_words) for _ in range(FRAMES)]
    slots = tuple(map(Slot, lists, inputs, outputs))
    for words, place in zip(parameters, places, strict=True):
        _store(image, place, words)
    for slot in slots:
        ends = [slot.input, *inner, slot.output]
        for number, link in enumerate(links):
            words = _command(link, ends[number], ends[number + 1], places[number], parameters[number]).words()
            _store(image, slot.commands + number * COMMAND_WORDS * BYTES, words)
    written = links[:-1] if sum_words else links
    return Accelerated(
        NAME,
        links[0].stored.name,
        last.step.output,
        layers=tuple(link.layer.step.name for link in links),
        image=image,
        size=memory.size,
        slots=slots,
        codes=tuple(
            Placed(replace(link.layer.result, name=link.layer.step.name), address)
            for link, address in zip(written, [*inner, slots[0].output], strict=False)
        ),
        sum_words=sum_words,
        epilogue=epilogue if isinstance(epilogue, Affine) else None,
        macs=sum(_pixels(link.layer.result) * link.layer.step.weights.size for link in links),
    )


def _command(link: Link, source: int, target: int, parameters: int, words: NDArray[np.uint64]) -> Command:
    layer, stored = link.layer, link.stored
    passes = groups_of(layer.result.shape[2])
    height, width, channels = stored.shape
    sums = isinstance(layer.step.epilogue, Affine)
    pattern = _PATTERNS[type(link.move)] if link.move else commands.plain
    return Command(
        sums=sums,
        sum_words=_sum_words(layer.step) if sums else 0,
        groups=groups_of(layer.source.shape[2]),
        passes=passes,
        kernel_height=layer.kernel[0],
        kernel_width=layer.kernel[1],
        top=layer.step.window.before[0],
        left=layer.step.window.before[1],
        in_height=layer.source.shape[0],
        in_width=layer.source.shape[1],
        out_height=layer.result.shape[0],
        out_width=layer.result.shape[1],
        source=source,
        target=target,
        parameters=parameters,
        pass_bytes=words.size // passes * BYTES,
        pitch=pitch_of(layer.source.shape[1]),
        slot_words=layer.slot_words,
        slots=ROW_WORDS // layer.slot_words,
        pattern=pattern(channels, height, width),
    )


def _parameters(step: QuantConv) -> NDArray[np.uint64]:
    """Return the words of all passes, one after the other."""
    passes = []
    for first in range(0, step.weights.shape[3], CHANNELS):
        outputs = slice(first, first + CHANNELS)
        epilogue = step.epilogue
        if isinstance(epilogue, Thresholds):
            thresholds = Thresholds(epilogue.values[outputs], epilogue.directions[outputs])
            passes.append(pack_pass(step.weights[..., outputs], thresholds))
        else:
            passes.append(pack_pass(step.weights[..., outputs], None))
    return np.concatenate(passes)


def _sum_words(step: QuantConv) -> int:
    """Return the words that hold a pixel's sums of one pass."""
    return -(-min(step.weights.shape[3], CHANNELS) // GROUP_OUTPUTS)


def _code_words(tensor: Tensor) -> int:
    return groups_of(tensor.shape[2]) * _pixels(tensor)


def _pixels(tensor: Tensor) -> int:
    return tensor.shape[0] * tensor.shape[1]


class _Memory:
    """Hands out the memory from address 0 on."""

    def __init__(self) -> None:
        self.size = 0

    def take(self, words: int) -> int:
        """Return the address of so many words."""
        address = self.size
        self.size += round_up(words * BYTES, ALIGNMENT)
        return address


def _store(image: NDArray[np.uint64], address: int, words: NDArray[np.uint64]) -> None:
    image[address // BYTES : address // BYTES + words.size] = words
