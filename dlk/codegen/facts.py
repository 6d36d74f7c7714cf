"""What each step costs, as far as the program tells: work and traffic of one image, for ``blueoil profile``.

The library carries these numbers, so that it can be profiled anywhere without the graph (dlk_step_facts in dlk.h).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from dlk.codegen.parameters import StepParameters
from dlk.lowering.class_lists import bit_adds
from dlk.lowering.program import FloatConv, Kind, Program, QuantConv, Step, Tensor

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
    """Return the facts of a program's steps, of which ``parameters`` are what the runtime gets."""
    tensors = program.tensors
    return [
        _facts(step, [tensors[name] for name in step.reads], [tensors[name] for name in step.writes], found)
        for step, found in zip(program.steps, parameters, strict=True)
    ]


def _facts(step: Step, sources: Sequence[Tensor], results: Sequence[Tensor], parameters: StepParameters) -> StepFacts:
    height, width, _ = results[0].shape
    weights = step.weights if isinstance(step, FloatConv | QuantConv) else np.empty(0, np.int8)
    adds = 0
    if isinstance(step, QuantConv) and parameters.tree is not None:
        adds = height * width * bit_adds(step.weights, sources[0].bits, parameters.tree)
    weight_bits = _weight_bits(step)
    return StepFacts(
        name=step.name,
        kind=kind_of(step),
        input_bits=_value_bits(sources[0]),
        output_bits=_value_bits(results[0]),
        weight_bits=weight_bits,
        macs=height * width * weights.size,
        bit_adds=adds,
        bytes_read=sum(map(_tensor_bytes, sources)) + -(-weights.size * weight_bits // 8) + _constant_bytes(parameters),
        bytes_written=sum(map(_tensor_bytes, results)),
    )


def kind_of(step: Step) -> str:
    """Return the class of a step as the facts name it: ``quant_conv``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(step).__name__).lower()


def _weight_bits(step: Step) -> int:
    if isinstance(step, FloatConv):
        return FLOAT_BITS
    if isinstance(step, QuantConv):
        return 1 if np.all(step.weights) else 2  # ternary ones have zeros
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
