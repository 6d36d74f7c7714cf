"""From a program's steps to what the runtime executes: strided windows by phases, parts of tensors as views.

A window of stride 2 on codes reads a tensor whose 2x2 blocks were moved into channels: there its pixels stand side by
side, and it becomes a window of stride 1 over four phases. Splitting copies nothing, since the channels of a tensor lie
one after the other; nor does concatenation where a part can be written in its place at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from dlk.lowering.program import (
    Accelerated,
    Concat,
    DepthToSpace,
    Dequantize,
    FloatConv,
    Kind,
    MaxPool,
    Pad,
    Program,
    QuantConv,
    SpaceToDepth,
    Split,
    Step,
    Tensor,
    Window,
)


class Op(Enum):
    """What the runtime has a kernel for, or a driver."""

    FLOAT_CONV = "float_conv"
    QUANT_CONV = "quant_conv"
    MAX_POOL = "max_pool"
    SPACE_TO_DEPTH = "space_to_depth"
    DEPTH_TO_SPACE = "depth_to_space"
    PAD = "pad"
    DEQUANTIZE = "dequantize"
    ACCELERATED = "accelerated"


_OPS: dict[type[Step], Op] = {
    FloatConv: Op.FLOAT_CONV,
    QuantConv: Op.QUANT_CONV,
    MaxPool: Op.MAX_POOL,
    SpaceToDepth: Op.SPACE_TO_DEPTH,
    DepthToSpace: Op.DEPTH_TO_SPACE,
    Pad: Op.PAD,
    Dequantize: Op.DEQUANTIZE,
    Accelerated: Op.ACCELERATED,
}


@dataclass(frozen=True, slots=True)
class Tap:
    """One input of a window: phase (block row * 2 + block column; 0 for stride 1), and the way to it in pixels."""

    phase: int
    dy: int
    dx: int


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of a kernel. taps: of a window, row by row; phases: of the input, 1, or 4 for stride 2 on codes.

    stride: of a window on floats. helper: the operation serves a step and is no step of the program's own.
    """

    op: Op
    name: str
    input: str
    output: str
    step: Step
    taps: tuple[Tap, ...] = ()
    phases: int = 1
    stride: int = 1
    helper: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A tensor that is a part of another one: its channels from ``channel`` on."""

    parent: str
    channel: int


@dataclass(slots=True)
class Operations:
    """All operations in order, every tensor with those that only the runtime knows, and which tensors are views."""

    steps: list[Operation] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)

    def root(self, name: str) -> tuple[str, int]:
        """Return the tensor that owns the memory, and the first channel of ``name`` in it."""
        channel = 0
        while name in self.views:
            channel += self.views[name].channel
            name = self.views[name].parent
        return name, channel


def operations(program: Program) -> Operations:
    """Expand the program."""
    result = Operations(tensors=dict(program.tensors))
    makers = {name: step for step in program.steps for name in step.writes}
    for step in program.steps:
        if isinstance(step, Split):
            _split(step, result)
        elif isinstance(step, Concat):
            result.steps += _concat(step, makers, program, result)
        elif isinstance(step, QuantConv | MaxPool):
            result.steps += _windowed(step, step.window, result.tensors)
        elif isinstance(step, FloatConv):
            result.steps.append(_float_conv(step, makers, program))
        elif _absorbed(step, program):
            del result.tensors[step.writes[0]]
        else:
            result.steps.append(Operation(_OPS[type(step)], step.name, step.input, step.output, step))
    return result


def taps(window: Window) -> tuple[Tap, ...]:
    """Return the inputs of a window in the order of its kernel's rows and columns."""
    return tuple(
        Tap(row % window.stride * 2 + column % window.stride, row // window.stride, column // window.stride)
        for row in (y - window.before[0] for y in range(window.kernel[0]))
        for column in (x - window.before[1] for x in range(window.kernel[1]))
    )


def _float_conv(step: FloatConv, makers: Mapping[str, Step], program: Program) -> Operation:
    """Return the convolution; blocks that were moved into channels only for it are read where they lie in the image.

    The order of the sum stays: kernel row, kernel column, then the channel, which is block row, block column, channel.
    """
    rows, columns, _, _ = step.weights.shape
    window = taps(Window((rows, columns), 1, (rows // 2, columns // 2)))
    move = makers.get(step.input)
    if move is None or not _absorbed(move, program):
        return Operation(Op.FLOAT_CONV, step.name, step.input, step.output, step, taps=window)
    blocks = [Tap(0, 2 * tap.dy + y, 2 * tap.dx + x) for tap in window for y in (0, 1) for x in (0, 1)]
    return Operation(Op.FLOAT_CONV, step.name, move.reads[0], step.output, step, taps=tuple(blocks), stride=2)


def _absorbed(step: Step, program: Program) -> bool:
    """Say whether a move of floats into channels is done by the convolution that reads its result, and by no other."""
    if not isinstance(step, SpaceToDepth) or program.tensors[step.output].kind is not Kind.FLOAT:
        return False
    readers = [other for other in program.steps if step.output in other.reads]
    return step.output != program.output and len(readers) == 1 and isinstance(readers[0], FloatConv)


def _windowed(step: QuantConv | MaxPool, window: Window, tensors: dict[str, Tensor]) -> Iterator[Operation]:
    source = step.input
    if window.stride == 2:
        source = f"{step.name}/phases"
        height, width, channels = tensors[step.input].shape
        shape = (-(-height // 2), -(-width // 2), 4 * channels)
        tensors[source] = replace(tensors[step.input], name=source, shape=shape)
        yield Operation(Op.SPACE_TO_DEPTH, source, step.input, source, step, helper=True)
    yield Operation(_OPS[type(step)], step.name, source, step.output, step, taps=taps(window), phases=window.stride**2)


def _split(step: Split, result: Operations) -> None:
    channel = 0
    for part in step.outputs:
        result.views[part] = View(step.input, channel)
        channel += result.tensors[part].shape[2]


def _concat(step: Concat, makers: Mapping[str, Step], program: Program, result: Operations) -> Iterator[Operation]:
    """A part becomes a view of the whole when nothing but its maker decides where it lies; else it is copied."""
    channel = 0
    for number, part in enumerate(step.inputs):
        if part in makers and part not in result.views:
            result.views[part] = View(step.output, channel)
        else:
            place = f"{step.name}/part{number}"
            result.tensors[place] = replace(result.tensors[part], name=place)
            result.views[place] = View(step.output, channel)
            yield Operation(Op.PAD, place, part, place, step, helper=True)
        channel += result.tensors[part].shape[2]
