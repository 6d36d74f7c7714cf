"""From a program's operations to the numbers and template arguments of the runtime's structs (runtime/src/model.h)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.lowering.class_lists import TreeShape, choose_tree, pack_signs, share_widths
from dlk.lowering.layout import Arena, lay_out
from dlk.lowering.memory import lines
from dlk.lowering.operations import Op, Operation, Operations, operations
from dlk.lowering.program import (
    Accelerated,
    Affine,
    AveragePool,
    ChannelAffine,
    Dequantize,
    FloatConv,
    FloatThreshold,
    Kind,
    Pad,
    Pointwise,
    Program,
    QuantConv,
    Tensor,
)

# kernels/float_conv.h: output channels are padded to the widest vector; a word is summed by groups of pixels.
_COLUMNS = 16
_MOST_PIXELS = 8
# kernels/float_ops.h: what a Pointwise step's function is called there.
POINTWISE = {
    "add": "Plus",
    "sub": "Minus",
    "mul": "Times",
    "max": "Larger",
    "min": "Smaller",
    "relu": "Rectified",
    "leaky_relu": "Leaky",
}


@dataclass(frozen=True, slots=True)
class StepParameters:
    """A step: the kernel that runs it, as C++ text, empty where none does, and its constants; what it lacks is None.

    taps: rows of (phase, dy, dx). second: another input, -1 where there is none.
    """

    name: str
    index: int
    input: int
    output: int
    helper: bool
    second: int = -1
    kernel: str = ""
    taps: tuple[tuple[int, int, int], ...] = ()
    phases: int = 1
    stride: int = 1
    before: tuple[int, int, int] = (0, 0, 0)
    scratch_bytes: int = 0
    float_weights: NDArray[np.float32] | None = None
    least_weight: float = 0.0
    sign_words: NDArray[np.uint64] | None = None
    tree: TreeShape | None = None
    int_thresholds: NDArray[np.int32] | None = None
    directions: NDArray[np.int8] | None = None
    scale: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None
    table: NDArray[np.float32] | None = None
    accelerated: Accelerated | None = None


@dataclass(frozen=True, slots=True)
class Parameters:
    """Everything that the templates write down; steps refer to tensors by their number in ``arena.layouts``."""

    arena: Arena
    steps: tuple[StepParameters, ...]


def parameters(program: Program, lanes: int) -> Parameters:
    """Return the parameters of a program; scratch is sized for vectors of up to ``lanes`` 64-bit words."""
    expanded = operations(program)
    numbers = {name: number for number, name in enumerate(expanded.tensors)}
    trees = _trees(expanded)
    steps = []
    for index, operation in enumerate(expanded.steps):
        ends = numbers[operation.input], numbers[operation.output]
        second = numbers[operation.second] if operation.second else -1
        plain = StepParameters(operation.name, index, *ends, operation.helper, second, tree=trees.get(operation.name))
        steps.append(_KERNELS[operation.op](plain, operation, _Ends.of(operation, expanded), lanes))
    return Parameters(lay_out(expanded, program.input, program.output), tuple(steps))


def _trees(expanded: Operations) -> dict[str, TreeShape]:
    """Choose the tree of each quantized convolution; those with inputs of one width share code where they can."""
    chosen: dict[int, dict[str, TreeShape]] = {}
    for operation in expanded.steps:
        if operation.op is Op.QUANT_CONV and isinstance(operation.step, QuantConv):
            ends = _Ends.of(operation, expanded)
            tree = choose_tree(operation.step.weights, ends.source.bits, ends.result.levels)
            chosen.setdefault(ends.source.bits, {})[operation.name] = tree
    found: dict[str, TreeShape] = {}
    for trees in chosen.values():
        found.update(zip(trees, share_widths(list(trees.values())), strict=True))
    return found


@dataclass(frozen=True, slots=True)
class _Ends:
    """The tensors at both ends of an operation."""

    source: Tensor
    result: Tensor

    @classmethod
    def of(cls, operation: Operation, expanded: Operations) -> _Ends:
        return cls(expanded.tensors[operation.input], expanded.tensors[operation.output])


_Kernel = Callable[[StepParameters, Operation, _Ends, int], StepParameters]


def _quant_conv(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    step, tree = operation.step, plain.tree
    assert isinstance(step, QuantConv) and tree is not None  # noqa: S101 - operations() pairs them
    cout = step.weights.shape[3]
    arguments = [str(ends.source.bits), str(tree.signs), *map(str, tree.widths)]
    cpp_tree = f"ClassTree<{', '.join(arguments)}>"
    taps_bytes = (2 * step.weights[..., 0].size + 1) * ends.source.bits * lanes * 8
    conv = replace(_windowed(plain, operation), sign_words=pack_signs(step.weights))
    if isinstance(step.epilogue, Affine):
        return replace(
            conv,
            kernel=f"QuantConvFloats<{cpp_tree}>",
            scratch_bytes=taps_bytes + cout * _row_bytes(lanes),
            scale=step.epilogue.scale,
            bias=step.epilogue.bias,
        )
    return replace(
        conv,
        kernel=f"QuantConvCodes<{cpp_tree}, {ends.result.bits}>",
        scratch_bytes=taps_bytes,
        int_thresholds=step.epilogue.values.astype(np.int32),
        directions=step.epilogue.directions,
    )


def _float_conv(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    step = operation.step
    assert isinstance(step, FloatConv)  # noqa: S101 - operations() pairs them
    cout = step.weights.shape[3]
    weights = step.weights.reshape(-1, cout)
    magnitudes = np.abs(weights[weights != 0])
    least = float(magnitudes.min(initial=np.finfo(np.float32).max))
    conv = replace(_windowed(plain, operation), stride=operation.stride, least_weight=least)
    scratch = lines(4 * ends.source.shape[2]) + lines(8 * len(operation.taps) * (_MOST_PIXELS + 1))
    if isinstance(step.epilogue, Affine):
        return replace(
            conv,
            kernel="FloatConvFloats",
            scratch_bytes=scratch,
            float_weights=_columns(weights),
            scale=_columns(step.epilogue.scale),
            bias=_columns(step.epilogue.bias),
        )
    directions = step.epilogue.directions.astype(np.float32)
    thresholds = _columns(_ordered(step.epilogue.values.T * directions))
    return replace(
        conv,
        kernel=f"FloatConvCodes<{ends.result.bits}>",
        scratch_bytes=scratch + lines(thresholds.nbytes),
        # acc <= t is -acc >= -t, and the sum of negated terms is the negated sum.
        float_weights=_columns(weights * directions),
        int_thresholds=thresholds,
    )


def _columns(values: NDArray[Any]) -> NDArray[Any]:
    """Pad the last axis, of output channels, with zeros."""
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, -values.shape[-1] % _COLUMNS)])


def _ordered(thresholds: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return integers that are to float sums' bits, as integers that ascend, what the thresholds are to the sums.

    A subnormal sum counts as 0: it reaches every threshold up to 0 and none above.
    """
    tiny = np.finfo(np.float32).tiny
    least = np.where(thresholds > 0, tiny, -np.nextafter(tiny, np.float32(0)))
    bits = np.where(np.abs(thresholds) < tiny, least, thresholds).astype(np.float32).view(np.int32)
    return bits ^ (bits >> 31 & 0x7FFFFFFF)


def _max_pool(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    kernel = "MaxPoolFloats" if ends.source.kind is Kind.FLOAT else f"MaxPool<{ends.source.bits}>"
    return replace(_windowed(plain, operation), stride=operation.stride, kernel=kernel)


def _average_pool(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    step = operation.step
    assert isinstance(step, AveragePool)  # noqa: S101 - operations() pairs them
    most = len(operation.taps)
    counts = np.full(most + 1, most) if step.padded else np.maximum(np.arange(most + 1), 1)
    table = (1 / counts.astype(np.float64)).astype(np.float32)
    return replace(_windowed(plain, operation), stride=operation.stride, kernel="AveragePoolFloats", table=table)


def _channel_affine(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    step = operation.step
    assert isinstance(step, ChannelAffine)  # noqa: S101 - operations() pairs them
    return replace(plain, kernel="AffineFloats", scale=step.epilogue.scale, bias=step.epilogue.bias)


def _float_threshold(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    step = operation.step
    assert isinstance(step, FloatThreshold)  # noqa: S101 - operations() pairs them
    directions = step.epilogue.directions
    ordered = _ordered((step.epilogue.values * directions[:, None]).astype(np.float32))
    return replace(plain, kernel=f"ThresholdFloats<{ends.result.bits}>", int_thresholds=ordered, directions=directions)


def _pointwise(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    step = operation.step
    assert isinstance(step, Pointwise)  # noqa: S101 - operations() pairs them
    table = np.array([step.alpha], np.float32) if step.function == "leaky_relu" else None
    return replace(plain, kernel=f"Pointwise<{POINTWISE[step.function]}>", table=table)


def _softmax(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    return replace(plain, kernel="SoftmaxFloats")


def _put(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    return replace(plain, kernel="PutFloats<false>", before=(0, 0, operation.channel))


def _take(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    return replace(plain, kernel="TakeFloats", before=(0, 0, operation.channel))


def _space_to_depth(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    return replace(plain, kernel=f"SpaceToDepth{_suffix(ends.source)}")


def _depth_to_space(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    return replace(plain, kernel=f"DepthToSpace{_suffix(ends.source)}")


def _pad(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    step = operation.step
    before = (step.rows[0], step.columns[0], step.channels[0]) if isinstance(step, Pad) else (0, 0, 0)
    kernel = "PutFloats<true>" if ends.source.kind is Kind.FLOAT else "PadCodes"
    return replace(plain, kernel=kernel, before=before)


def _dequantize(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    step = operation.step
    assert isinstance(step, Dequantize)  # noqa: S101 - operations() pairs them
    scratch = ends.source.shape[2] * _row_bytes(lanes)
    return replace(plain, kernel=f"DequantizeCodes<{ends.source.bits}>", table=step.table, scratch_bytes=scratch)


def _accelerated(plain: StepParameters, operation: Operation, ends: _Ends, lanes: int) -> StepParameters:
    step = operation.step
    assert isinstance(step, Accelerated)  # noqa: S101 - operations() pairs them
    if step.epilogue is None:
        return replace(plain, accelerated=step)
    return replace(plain, accelerated=step, scale=_columns(step.epilogue.scale), bias=_columns(step.epilogue.bias))


_KERNELS: dict[Op, _Kernel] = {
    Op.FLOAT_CONV: _float_conv,
    Op.QUANT_CONV: _quant_conv,
    Op.MAX_POOL: _max_pool,
    Op.AVERAGE_POOL: _average_pool,
    Op.CHANNEL_AFFINE: _channel_affine,
    Op.FLOAT_THRESHOLD: _float_threshold,
    Op.POINTWISE: _pointwise,
    Op.SOFTMAX: _softmax,
    Op.PUT: _put,
    Op.TAKE: _take,
    Op.SPACE_TO_DEPTH: _space_to_depth,
    Op.DEPTH_TO_SPACE: _depth_to_space,
    Op.PAD: _pad,
    Op.DEQUANTIZE: _dequantize,
    Op.ACCELERATED: _accelerated,
}


def _windowed(plain: StepParameters, operation: Operation) -> StepParameters:
    rows: Sequence[tuple[int, int, int]] = [(tap.phase, tap.dy, tap.dx) for tap in operation.taps]
    return replace(plain, taps=tuple(rows), phases=operation.phases)


def _suffix(tensor: Tensor) -> str:
    return "Floats" if tensor.kind is Kind.FLOAT else "Codes"


def _row_bytes(lanes: int) -> int:
    """Return the bytes of one channel's floats of a tile: kRowFloats of kernels/tail.h."""
    return (32 * 2 * lanes + 16) * 4
