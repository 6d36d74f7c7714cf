"""What each target allows beside what the network uses: tables of bounds, and the layer that uses most of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dlk.codegen.check import MAX_BITS, MAX_MEMORY
from dlk.codegen.check_steps import MAX_KERNEL, STRIDES
from dlk.frontends.rules import EXACT_SUM
from dlk.hw.limits import LIMITS, Convolution
from dlk.lowering.class_lists import MAX_INPUTS
from dlk.lowering.program import Kind, Program, QuantConv
from dlk.report.graph import window_of
from dlk.report.source import Source
from dlk.targets import TARGETS, Target

NETWORK = "the network"

Uses = Iterator[tuple[str, int]]
"""What uses a part, and how much of it."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A part of which a network may use at most so much. bytes: it is a number of bytes."""

    part: str
    most: int
    uses: Callable[[Source, Target], Uses]
    bytes: bool = False

    def row(self, source: Source, target: Target) -> dict[str, Any] | None:
        """Return what the layer uses that uses most; None where nothing uses any."""
        found = max(self.uses(source, target), key=lambda use: use[1], default=None)
        if found is None:
            return None
        where, used = found
        return {
            "part": self.part,
            "used": used,
            "most": self.most,
            "bytes": self.bytes,
            "layer": where,
            "fits": used <= self.most,
        }


def _memory(source: Source, target: Target) -> Uses:
    if target.name in source.memory:
        yield NETWORK, source.memory[target.name].total


def _device(source: Source, target: Target) -> Uses:
    if target.name in source.memory:
        yield NETWORK, source.memory[target.name].device


def _bits(source: Source, _: Target) -> Uses:
    tensors = source.program.tensors
    for step in source.program.steps:
        codes = [tensors[name].bits for name in (*step.reads, *step.writes) if tensors[name].kind is Kind.CODES]
        if codes:
            yield step.name, max(codes)


def _windows(source: Source, _: Target) -> Uses:
    for step in source.program.steps:
        if (window := window_of(step)) is not None:
            yield step.name, max(window.kernel)


def _strides(source: Source, _: Target) -> Uses:
    for step in source.program.steps:
        if (window := window_of(step)) is not None:
            yield step.name, window.stride


def _inputs(source: Source, _: Target) -> Uses:
    for step in _convolutions(source.program):
        yield step.name, step.weights[..., 0].size


def _sums(source: Source, _: Target) -> Uses:
    for step in _convolutions(source.program):
        yield step.name, step.weights[..., 0].size * source.program.tensors[step.input].levels


PROCESSOR: tuple[Bound, ...] = (
    Bound("memory while it runs", MAX_MEMORY, _memory, bytes=True),
    Bound("bits of an activation", MAX_BITS, _bits),
    Bound("rows or columns of a window", MAX_KERNEL, _windows),
    Bound("stride of a window", max(STRIDES), _strides),
    Bound("inputs of one output of a quantized convolution", MAX_INPUTS, _inputs),
    Bound("the largest sum of a quantized convolution", EXACT_SUM - 1, _sums),
)
"""What the runtime allows on every target."""


def _accelerator() -> Iterator[Bound]:
    yield Bound("memory of the accelerator", MAX_MEMORY, _device, bytes=True)
    for limit in LIMITS:
        if limit.used is not None:
            yield Bound(f"{limit.part}: {limit.expected}", limit.most, _used_by_convolutions(limit.used))


def _used_by_convolutions(used: Callable[[Convolution], int]) -> Callable[[Source, Target], Uses]:
    def uses(source: Source, _: Target) -> Uses:
        tensors = source.program.tensors
        for step in _convolutions(source.program):
            yield step.name, used(Convolution(step, tensors[step.input], tensors[step.output]))

    return uses


ACCELERATOR: tuple[Bound, ...] = tuple(_accelerator())
"""What the accelerator allows beside that."""


def targets(source: Source) -> list[dict[str, Any]]:
    """Return the targets that were asked for, each with its limits; one that was left out with what does not fit."""
    return [
        *(_built(source, target) for target in source.targets),
        *(_left_out(source, name) for name in source.left_out),
    ]


def _built(source: Source, target: Target) -> dict[str, Any]:
    library = next(item.library for item in source.built if item.target.name == target.name)
    return {**_described(source, target), "library_bytes": library.stat().st_size, "misfits": []}


def _left_out(source: Source, name: str) -> dict[str, Any]:
    misfits = [
        {"layer": misfit.layer, "found": misfit.found, "expected": misfit.expected, "fix": misfit.fix}
        for misfit in source.left_out[name].misfits
    ]
    return {**_described(source, TARGETS[name]), "library_bytes": None, "misfits": misfits}


def _described(source: Source, target: Target) -> dict[str, Any]:
    bounds = (*PROCESSOR, *(ACCELERATOR if target.accelerated else ()))
    rows = (bound.row(source, target) for bound in bounds)
    return {
        "name": target.name,
        "library": target.library,
        "compiled_for": target.triple,
        "instruction_sets": [isa.name for isa in target.isas],
        "limits": [row for row in rows if row is not None],
    }


def _convolutions(program: Program) -> Iterator[QuantConv]:
    return (step for step in program.steps if isinstance(step, QuantConv))
