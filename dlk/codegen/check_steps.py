"""What the runtime demands of each kind of step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dlk.codegen.parameters import POINTWISE
from dlk.errors import DlkError, InternalError
from dlk.lowering.class_lists import MAX_INPUTS
from dlk.lowering.program import (
    Affine,
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
    QuantConv,
    Softmax,
    SpaceToDepth,
    Split,
    Step,
    Tensor,
    Thresholds,
    Window,
)

STRIDES = (1, 2)
MAX_KERNEL = 31


def check_step(step: Step, tensors: Mapping[str, Tensor]) -> None:
    """Raise DlkError for a step that is not supported, InternalError for one that contradicts its tensors."""
    reads, writes = [[tensors[name] for name in names] for names in (step.reads, step.writes)]
    if isinstance(step, Concat):
        _check_parts(step, writes[0], reads)
    elif isinstance(step, Split):
        _check_parts(step, reads[0], writes)
    elif isinstance(step, Pointwise):
        _check_pointwise(step, reads, writes[0])
    else:
        _CHECKS[type(step)](step, reads[0], writes[0])


def _check_float_conv(step: FloatConv, source: Tensor, result: Tensor) -> None:
    _expect(step, source.kind, Kind.FLOAT, "kind of the input")
    _expect(step, step.place.kernel, step.weights.shape[:2], "window")
    _check_window(step, step.place)
    _check_conv(step, source, result)


def _check_quant_conv(step: QuantConv, source: Tensor, result: Tensor) -> None:
    _expect(step, source.kind, Kind.CODES, "kind of the input")
    _expect(step, step.window.kernel, step.weights.shape[:2], "window")
    _check_window(step, step.window)
    _check_signs(step)
    _check_conv(step, source, result)


def _check_pool(step: MaxPool | AveragePool, source: Tensor, result: Tensor) -> None:
    _same_kind(step, source, result)
    _expect(step, result.shape[2], source.shape[2], "number of channels")
    if isinstance(step, AveragePool):
        _expect(step, source.kind, Kind.FLOAT, "kind of the input")
    else:
        _check_window(step, step.window)


def _check_float_step(step: ChannelAffine | FloatThreshold | Softmax, source: Tensor, result: Tensor) -> None:
    _expect(step, source.kind, Kind.FLOAT, "kind of the input")
    _expect(step, result.shape, source.shape, "shape")
    if isinstance(step, Softmax):
        _expect(step, result.kind, Kind.FLOAT, "kind of the output")
    else:
        _check_epilogue(step, result)


def _check_pointwise(step: Pointwise, sources: Sequence[Tensor], result: Tensor) -> None:
    _expect(step, step.function in POINTWISE, True, "function")
    _expect(step, len(sources), 1 if step.function.endswith("relu") else 2, "number of inputs")
    for source in sources:
        _expect(step, (source.kind, source.shape), (result.kind, result.shape), "kind and shape")
    _expect(step, result.kind, Kind.FLOAT, "kind of the output")


def _check_window(step: FloatConv | QuantConv | MaxPool, window: Window) -> None:
    if window.stride not in STRIDES or max(window.kernel) > MAX_KERNEL:
        raise DlkError(
            "A window of this size or stride is not supported.",
            where=step.name,
            expected=f"at most {MAX_KERNEL}x{MAX_KERNEL}, stride {' or '.join(map(str, STRIDES))}",
            received=f"{window.kernel[0]}x{window.kernel[1]}, stride {window.stride}",
        )


def _check_move(step: SpaceToDepth | DepthToSpace, source: Tensor, result: Tensor) -> None:
    if step.block != 2:
        raise DlkError("Only blocks of 2x2 are supported.", where=step.name, received=f"{step.block}x{step.block}")
    space, depth = (source, result) if isinstance(step, SpaceToDepth) else (result, source)
    h, w, c = depth.shape
    _expect(step, space.shape, (2 * h, 2 * w, c // 4), "shape")
    _expect(step, c % 4, 0, "depth channels modulo 4")
    _expect(step, (source.kind, source.bits), (result.kind, result.bits), "kind")


def _check_pad(step: Pad, source: Tensor, result: Tensor) -> None:
    _same_kind(step, source, result)
    amounts = (step.rows, step.columns, step.channels)
    if min(min(pair) for pair in amounts) < 0:
        raise DlkError("Padding cannot be negative.", where=step.name, received=str(amounts))
    padded = tuple(n + before + after for n, (before, after) in zip(source.shape, amounts, strict=True))
    _expect(step, result.shape, padded, "output shape")


def _check_parts(step: Concat | Split, whole: Tensor, parts: Sequence[Tensor]) -> None:
    for part in parts:
        _same_kind(step, part, whole)
        _expect(step, part.shape[:2], whole.shape[:2], "size")
        _expect(step, part.max_value, whole.max_value, "max_value")
    _expect(step, sum(part.shape[2] for part in parts), whole.shape[2], "number of channels")


def _same_kind(step: Step, source: Tensor, result: Tensor) -> None:
    _expect(step, result.kind, source.kind, "kind of the output")
    _expect(step, result.bits, source.bits, "number of bits")


def _check_conv(step: FloatConv | QuantConv, source: Tensor, result: Tensor) -> None:
    _, _, cin, cout = step.weights.shape
    _expect(step, source.shape[2], cin, "number of input channels")
    _expect(step, result.shape[2], cout, "number of output channels")
    _check_epilogue(step, result)


def _check_epilogue(step: FloatConv | QuantConv | ChannelAffine | FloatThreshold, result: Tensor) -> None:
    cout, epilogue = result.shape[2], step.epilogue
    if isinstance(epilogue, Affine):
        _expect(step, result.kind, Kind.FLOAT, "kind of the output")
        _expect(step, (epilogue.scale.shape, epilogue.bias.shape), ((cout,), (cout,)), "shape of scale and bias")
        return
    _expect(step, result.kind, Kind.CODES, "kind of the output")
    _expect(step, epilogue.values.shape, (cout, result.levels), "shape of the thresholds")
    _expect(step, epilogue.directions.shape, (cout,), "shape of the directions")
    _check_order(step, epilogue)


def _check_signs(step: QuantConv) -> None:
    if not np.isin(step.weights, (-1, 0, 1)).all():
        raise InternalError("Quantized weights must be -1, 0 or +1.", where=step.name)
    inputs = step.weights[..., 0].size
    if inputs > MAX_INPUTS:
        raise DlkError(
            "A layer has too many inputs for one output.",
            where=step.name,
            expected=f"at most {MAX_INPUTS}, window * channels",
            received=str(inputs),
            fix="change the network: fewer channels, or a smaller window",
        )


def _check_order(step: Step, epilogue: Thresholds) -> None:
    if not np.isin(epilogue.directions, (-1, 1)).all():
        raise InternalError("Directions must be -1 or +1.", where=step.name)
    values = epilogue.values.astype(np.float64) * epilogue.directions[:, None]
    if np.isnan(values).any() or (values[:, 1:] < values[:, :-1]).any():
        raise InternalError("Thresholds must ascend (direction +1) or descend (-1).", where=step.name)


def _check_dequantize(step: Dequantize, source: Tensor, result: Tensor) -> None:
    _expect(step, (source.kind, result.kind), (Kind.CODES, Kind.FLOAT), "kinds")
    _expect(step, source.shape, result.shape, "shape")
    _expect(step, step.table.shape, (source.levels + 1,), "shape of the table")


def _expect(step: Step, received: object, expected: object, what: str) -> None:
    if received != expected:
        raise InternalError(
            f"{step.name} has a wrong {what}.", where=step.name, expected=str(expected), received=str(received)
        )


_CHECKS: dict[type[Step], Callable[[Any, Tensor, Tensor], None]] = {
    FloatConv: _check_float_conv,
    QuantConv: _check_quant_conv,
    MaxPool: _check_pool,
    AveragePool: _check_pool,
    ChannelAffine: _check_float_step,
    FloatThreshold: _check_float_step,
    Softmax: _check_float_step,
    SpaceToDepth: _check_move,
    DepthToSpace: _check_move,
    Pad: _check_pad,
    Dequantize: _check_dequantize,
}
