"""What each step costs, as far as the program tells: work and traffic of one image, for ``blueoil profile``.

The library carries these numbers, so that it can be profiled anywhere without the graph (dlk_step_facts in dlk.h).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from dlk.codegen.parameters import StepParameters
from dlk.lowering.class_lists import bit_adds, signs_per_channel
from dlk.lowering.operations import Op, Operation, operations
from dlk.lowering.program import Accelerated, FloatConv, Kind, Program, QuantConv, Tensor

FLOAT_BITS = 32
_WEIGHTS = {"float_weights", "sign_words"}  # weights count at their bits, not as they are packed


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One step: bits of a value, operations of one image, and bytes when everything is moved once.

    macs: multiply-adds by the definition, padding included. bit_adds: additions of one bit of one pixel.
    """

    name: str
    kind: str
    input_bits: int
    output_bits: int
    weight_bits: int
    macs: int
    bit_adds: int
    bytes_read: int
    bytes_written: int


def step_facts(program: Program, parameters: Sequence[StepParameters]) -> list[StepFacts]:
    """Return the facts of everything that runs, of which ``parameters`` are what the runtime gets."""
    expanded = operations(program)
    return [
        _facts(operation, expanded.tensors, found) for operation, found in zip(expanded.steps, parameters, strict=True)
    ]


def _facts(operation: Operation, tensors: Mapping[str, Tensor], parameters: StepParameters) -> StepFacts:
    source, result = tensors[operation.input], tensors[operation.output]
    height, width, _ = result.shape
    step, weight_bits = operation.step, _weight_bits(operation)
    weights = step.weights if weight_bits and isinstance(step, FloatConv | QuantConv) else np.empty(0, np.int8)
    adds = 0
    if parameters.tree is not None and isinstance(step, QuantConv):
        adds = height * width * bit_adds(step.weights, source.bits, parameters.tree)
    return StepFacts(
        name=operation.name,
        kind=operation.op.value,
        input_bits=_value_bits(source),
        output_bits=_value_bits(result),
        weight_bits=weight_bits,
        macs=step.macs if isinstance(step, Accelerated) else height * width * weights.size,
        bit_adds=adds,
        bytes_read=_tensor_bytes(source) + -(-weights.size * weight_bits // 8) + _constant_bytes(parameters),
        bytes_written=_tensor_bytes(result),
    )


def _weight_bits(operation: Operation) -> int:
    """Return 32 for floats, 1 for binary and 2 for ternary weights, 0 where there are none."""
    if operation.op is Op.FLOAT_CONV:
        return FLOAT_BITS
    if operation.op is Op.ACCELERATED:
        return 1
    if operation.op is Op.QUANT_CONV and isinstance(operation.step, QuantConv):
        return signs_per_channel(operation.step.weights)
    return 0


def _value_bits(tensor: Tensor) -> int:
    return FLOAT_BITS if tensor.kind is Kind.FLOAT else tensor.bits


def _tensor_bytes(tensor: Tensor) -> int:
    height, width, channels = tensor.shape
    return -(-height * width * channels * _value_bits(tensor) // 8)


def _constant_bytes(parameters: StepParameters) -> int:
    """Return the bytes of thresholds, scales and tables."""
    found = [getattr(parameters, field.name) for field in fields(parameters) if field.name not in _WEIGHTS]
    return sum(value.nbytes for value in found if isinstance(value, np.ndarray))
