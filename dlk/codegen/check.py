"""Refuse a program that the runtime can't execute, naming the step, before any file is written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlk.codegen.float_bounds import check_floats
from dlk.codegen.parameters import StepParameters, TensorParameters
from dlk.errors import DlkError, InternalError
from dlk.lowering.class_lists import MAX_INPUTS
from dlk.lowering.program import (
    Affine,
    DepthToSpace,
    Dequantize,
    FloatConv,
    Kind,
    Program,
    QuantConv,
    SpaceToDepth,
    Step,
    Tensor,
    Thresholds,
)

MAX_BITS = 4
MAX_MEMORY = 1 << 31  # of a running network: half of what a 32-bit machine can address


def check(program: Program) -> None:
    """Raise DlkError for what is not supported, InternalError for a program that contradicts itself."""
    if not program.steps:
        raise InternalError("The program has no steps.", where=program.name)
    written = {program.input}
    for step in program.steps:
        for name in (*step.reads, *step.writes):
            if name not in program.tensors:
                raise InternalError(f"{step.name} uses a tensor that is not described.", where=step.name, received=name)
        if not written.issuperset(step.reads) or not written.isdisjoint(step.writes):
            raise InternalError(f"{step.name} is out of order.", where=step.name)
        written.update(step.writes)
        _check_step(step, program.tensors[step.reads[0]], program.tensors[step.writes[0]])
    if program.output not in written - {program.input}:
        raise InternalError("No step writes the output.", where=program.output)
    for end in (program.input, program.output):
        if program.tensors[end].kind is not Kind.FLOAT:
            raise InternalError("Input and output must be floats.", where=end)
    for tensor in program.tensors.values():
        if tensor.kind is Kind.CODES and not 1 <= tensor.bits <= MAX_BITS:
            raise DlkError(
                "Activations of this width are not supported.",
                where=tensor.name,
                expected=f"1 to {MAX_BITS} bits",
                received=f"{tensor.bits} bits",
            )
    check_floats(program)


def check_memory(program: Program, tensors: Sequence[TensorParameters], steps: Sequence[StepParameters]) -> None:
    """Raise DlkError when a network would need so much memory that sizes of 32 bits overflow."""
    needed = sum(_tensor_bytes(tensor) for tensor in tensors) + max(step.scratch_bytes for step in steps)
    needed += sum(4 * step.tree.entries for step in steps if step.tree is not None)
    if needed > MAX_MEMORY:
        raise DlkError(
            "The network needs too much memory.",
            where=program.name,
            expected=f"at most {MAX_MEMORY >> 20} MiB",
            received=f"{needed >> 20} MiB",
            fix="take a smaller image size, or fewer channels",
        )


def _tensor_bytes(tensor: TensorParameters) -> int:
    if not tensor.bits:
        return 4 * tensor.height * tensor.width * tensor.channels
    return 8 * tensor.plane_words * (tensor.channels * tensor.bits + 1)  # and the plane of valid pixels


def _check_step(step: Step, source: Tensor, result: Tensor) -> None:
    if isinstance(step, FloatConv | QuantConv):
        _expect(step, source.kind, Kind.FLOAT if isinstance(step, FloatConv) else Kind.CODES, "kind of the input")
        _check_conv(step, source, result)
    elif isinstance(step, SpaceToDepth | DepthToSpace):
        if step.block != 2:
            raise DlkError("Only blocks of 2x2 are supported.", where=step.name, received=f"{step.block}x{step.block}")
        space, depth = (source, result) if isinstance(step, SpaceToDepth) else (result, source)
        h, w, c = depth.shape
        _expect(step, space.shape, (2 * h, 2 * w, c // 4), "shape")
        _expect(step, c % 4, 0, "depth channels modulo 4")
        _expect(step, (source.kind, source.bits), (result.kind, result.bits), "kind")
    elif isinstance(step, Dequantize):
        _check_dequantize(step, source, result)
    else:
        raise DlkError(f"There is no code for {type(step).__name__}.", where=step.name)


def _check_conv(step: FloatConv | QuantConv, source: Tensor, result: Tensor) -> None:
    kh, kw, cin, cout = step.weights.shape
    if kh != kw or kh % 2 == 0:
        raise DlkError("Only odd square kernels are supported.", where=step.name, received=f"{kh}x{kw}")
    _expect(step, source.shape[2], cin, "input channels")
    _expect(step, result.shape, (*source.shape[:2], cout), "output shape")
    if isinstance(step, QuantConv):
        _check_signs(step)
    epilogue = step.epilogue
    if isinstance(epilogue, Affine):
        _expect(step, result.kind, Kind.FLOAT, "kind of the output")
        _expect(step, (epilogue.scale.shape, epilogue.bias.shape), ((cout,), (cout,)), "shape of scale and bias")
        return
    _expect(step, result.kind, Kind.CODES, "kind of the output")
    _expect(step, epilogue.values.shape, (cout, result.levels), "shape of the thresholds")
    _expect(step, epilogue.directions.shape, (cout,), "shape of the directions")
    _check_order(step, epilogue)


def _check_signs(step: QuantConv) -> None:
    if not np.isin(step.weights, (-1, 1)).all():
        raise InternalError("Quantized weights must be -1 or +1.", where=step.name)
    inputs = step.weights[..., 0].size
    if inputs > MAX_INPUTS:
        raise DlkError(
            "A layer has too many inputs for one output.",
            where=step.name,
            expected=f"at most {MAX_INPUTS}, window * channels",
            received=str(inputs),
            fix="change the network: fewer channels, or a smaller window",
        )


def _check_order(step: FloatConv | QuantConv, epilogue: Thresholds) -> None:
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
