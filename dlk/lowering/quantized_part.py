"""Find what the accelerator takes of a program: its quantized convolutions, one after the other, and the moves between.

Everything from the first to the last quantized convolution must be a chain of layers that the accelerator has. A move
stands before the convolution that reads its result; one before the first of them is taken along where that can be done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlk.hw.limits import Convolution, Misfit, MisfitError, Move, misfits_of, misfits_of_move
from dlk.lowering.program import (
    AveragePool,
    ChannelAffine,
    Concat,
    DepthToSpace,
    Dequantize,
    FloatConv,
    FloatThreshold,
    Kind,
    MaxPool,
    Pad,
    Pointwise,
    Program,
    QuantConv,
    Softmax,
    SpaceToDepth,
    Split,
    Step,
    Tensor,
)

_FOREIGN: dict[type[Step], str] = {
    FloatConv: "a convolution of floats",
    MaxPool: "a max pool",
    AveragePool: "a mean of floats",
    ChannelAffine: "a normalisation of floats",
    FloatThreshold: "floats that become codes",
    Pointwise: "arithmetic with floats",
    Softmax: "a softmax",
    Pad: "padding as a layer of its own",
    Concat: "a concatenation",
    Split: "a split",
    Dequantize: "codes that become floats",
    SpaceToDepth: "a second move of pixels in a row",
    DepthToSpace: "a second move of pixels in a row",
}
_REBUILD = "build this part of convolutions, space_to_depth and depth_to_space alone"


@dataclass(frozen=True, slots=True)
class Link:
    """One convolution, the move that its input is read by, and that input as it lies in memory."""

    layer: Convolution
    move: Move | None
    stored: Tensor


@dataclass(frozen=True, slots=True)
class QuantizedPart:
    """The links in order, and the steps that are left for the processor, before and after."""

    links: tuple[Link, ...]
    head: tuple[Step, ...]
    tail: tuple[Step, ...]


def quantized_part(program: Program) -> QuantizedPart:
    """Return the part that the accelerator takes. Raises MisfitError with every layer that it can't take."""
    places = [number for number, step in enumerate(program.steps) if isinstance(step, QuantConv)]
    if not places:
        what = Misfit(program.name, "no quantized convolution", "at least one", "take a network that is quantized")
        raise MisfitError(program.name, [what])
    first, last = places[0], places[-1] + 1
    inside, tail = program.steps[first:last], program.steps[last:]
    move = _leading_move(program, first)
    links, misfits = _links(program, [*([move] if move else []), *inside])
    misfits += _branches(program, inside, tail)
    if misfits:
        raise MisfitError(program.name, misfits)
    head = tuple(step for step in program.steps[:first] if step is not move)
    return QuantizedPart(tuple(links), head, tail)


def _leading_move(program: Program, first: int) -> Move | None:
    """Return a move of codes that only the first convolution needs, and that it can read its input by."""
    for step in program.steps[:first]:
        if isinstance(step, Move) and step.output == program.steps[first].reads[0]:
            source = program.tensors[step.input]
            able = source.kind is Kind.CODES and not list(misfits_of_move(step, source))
            return step if able and len(_readers(program, step.output)) == 1 else None
    return None


def _links(program: Program, steps: Sequence[Step]) -> tuple[list[Link], list[Misfit]]:
    links: list[Link] = []
    misfits: list[Misfit] = []
    move: Move | None = None
    for step in steps:
        if isinstance(step, QuantConv):
            layer = Convolution(step, program.tensors[step.input], program.tensors[step.output])
            links.append(Link(layer, move, program.tensors[move.input if move else step.input]))
            misfits += misfits_of(layer)
            move = None
        elif isinstance(step, Move) and move is None and program.tensors[step.input].kind is Kind.CODES:
            misfits += misfits_of_move(step, program.tensors[step.input])
            move = step
        else:
            misfits.append(Misfit(step.name, _FOREIGN[type(step)], "the accelerator has none", _REBUILD))
    return links, misfits


def _branches(program: Program, inside: Sequence[Step], tail: Sequence[Step]) -> list[Misfit]:
    """Return the layers whose results are needed in more than one place."""
    misfits = []
    for step in inside[:-1]:
        readers = _readers(program, step.writes[0])
        if isinstance(step, QuantConv | Move) and len(readers) > 1:
            names = ", ".join(reader.name for reader in readers)
            misfits.append(Misfit(step.name, f"read by {names}", "by the next layer alone", _REBUILD))
    made = {inside[-1].writes[0]}
    for step in tail:
        for name in sorted(set(step.reads) - made):
            found = f"reads {name} past the quantized layers"
            misfits.append(Misfit(step.name, found, "what the last of them makes", _REBUILD))
        made.update(step.writes)
    return misfits


def _readers(program: Program, tensor: str) -> list[Step]:
    return [step for step in program.steps if tensor in step.reads]
