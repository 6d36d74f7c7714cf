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
    Window,
)


class Op(Enum):
    """What the runtime has a kernel for, or a driver."""

    FLOAT_CONV = "float_conv"
    QUANT_CONV = "quant_conv"
    MAX_POOL = "max_pool"
    AVERAGE_POOL = "average_pool"
    CHANNEL_AFFINE = "channel_affine"
    FLOAT_THRESHOLD = "float_threshold"
    POINTWISE = "pointwise"
    SOFTMAX = "softmax"
    PUT = "put"  # floats into channels of a larger tensor
    TAKE = "take"  # floats out of channels of a larger tensor
    SPACE_TO_DEPTH = "space_to_depth"
    DEPTH_TO_SPACE = "depth_to_space"
    PAD = "pad"
    DEQUANTIZE = "dequantize"
    ACCELERATED = "accelerated"


_OPS: dict[type[Step], Op] = {
    FloatConv: Op.FLOAT_CONV,
    QuantConv: Op.QUANT_CONV,
    MaxPool: Op.MAX_POOL,
    AveragePool: Op.AVERAGE_POOL,
    ChannelAffine: Op.CHANNEL_AFFINE,
    FloatThreshold: Op.FLOAT_THRESHOLD,
    Softmax: Op.SOFTMAX,
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
    second: another input; channel: where a part of a tensor of floats begins.
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
    second: str = ""
    channel: int = 0

    @property
    def tensors(self) -> tuple[str, ...]:
        """Return the names of all tensors that the operation touches."""
        return (self.input, self.output, self.second) if self.second else (self.input, self.output)


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
        floats = program.tensors[step.reads[0]].kind is Kind.FLOAT
        if isinstance(step, Split):
            result.steps += _split_floats(step, result) if floats else _split(step, result)
        elif isinstance(step, Concat):
            result.steps += _concat_floats(step, result) if floats else _concat(step, makers, program, result)
        elif isinstance(step, AveragePool) or (isinstance(step, MaxPool) and floats):
            ends, window = (step.input, step.output), taps(replace(step.window, stride=1))
            pool = Operation(_OPS[type(step)], step.name, *ends, step, taps=window, stride=step.window.stride)
            result.steps.append(pool)
        elif isinstance(step, QuantConv | MaxPool):
            result.steps += _windowed(step, step.window, result.tensors)
        elif isinstance(step, Pointwise):
            first, *second = step.inputs
            result.steps.append(Operation(Op.POINTWISE, step.name, first, step.output, step, second="".join(second)))
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
    window, stride = taps(replace(step.place, stride=1)), step.place.stride
    move = makers.get(step.input)
    if move is None or not _absorbed(move, program):
        return Operation(Op.FLOAT_CONV, step.name, step.input, step.output, step, taps=window, stride=stride)
    blocks = [Tap(0, 2 * tap.dy + y, 2 * tap.dx + x) for tap in window for y in (0, 1) for x in (0, 1)]
    return Operation(Op.FLOAT_CONV, step.name, move.reads[0], step.output, step, taps=tuple(blocks), stride=2)


def _absorbed(step: Step, program: Program) -> bool:
    """Say whether a move of floats into channels is done by the convolution that reads its result, and by no other."""
    if not isinstance(step, SpaceToDepth) or program.tensors[step.output].kind is not Kind.FLOAT:
        return False
    readers = [other for other in program.steps if step.output in other.reads]
    alone = step.output != program.output and len(readers) == 1
    return alone and isinstance(readers[0], FloatConv) and readers[0].place.stride == 1


def _windowed(step: QuantConv | MaxPool, window: Window, tensors: dict[str, Tensor]) -> Iterator[Operation]:
    source = step.input
    if window.stride == 2:
        source = f"{step.name}/phases"
        height, width, channels = tensors[step.input].shape
        shape = (-(-height // 2), -(-width // 2), 4 * channels)
        tensors[source] = replace(tensors[step.input], name=source, shape=shape)
        yield Operation(Op.SPACE_TO_DEPTH, source, step.input, source, step, helper=True)
    yield Operation(_OPS[type(step)], step.name, source, step.output, step, taps=taps(window), phases=window.stride**2)


def _split(step: Split, result: Operations) -> Iterator[Operation]:
    channel = 0
    for part in step.outputs:
        result.views[part] = View(step.input, channel)
        channel += result.tensors[part].shape[2]
    yield from ()


def _split_floats(step: Split, result: Operations) -> Iterator[Operation]:
    """Channels of floats lie side by side in each pixel, so that parts are copied."""
    channel = 0
    for number, part in enumerate(step.outputs):
        yield Operation(Op.TAKE, f"{step.name}/part{number}", step.input, part, step, helper=True, channel=channel)
        channel += result.tensors[part].shape[2]


def _concat_floats(step: Concat, result: Operations) -> Iterator[Operation]:
    channel = 0
    for number, part in enumerate(step.inputs):
        yield Operation(Op.PUT, f"{step.name}/part{number}", part, step.output, step, helper=True, channel=channel)
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
