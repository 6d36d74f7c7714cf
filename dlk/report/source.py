"""Everything that a report is made of, as the stages of a conversion leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlk.codegen.facts import StepFacts, step_facts
from dlk.codegen.memory import MemoryUse
from dlk.codegen.parameters import parameters
from dlk.hw.limits import MisfitError
from dlk.lowering.operations import operations
from dlk.lowering.program import Program, Step
from dlk.profile.native import NativeLatency
from dlk.report.graph import GraphRecord
from dlk.targets import Target
from dlk.verify.available import Built
from dlk.verify.verification import Verification


@dataclass(frozen=True, slots=True)
class StageTime:
    """What one stage did, and its wall time in seconds."""

    stage: str
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation of the running network: its cost, and the step of the program that it belongs to."""

    facts: StepFacts
    step: Step
    program: Program


@dataclass(frozen=True, slots=True)
class Source:
    """A finished conversion, seen from its end. model: SHA-256 of model.onnx; latency: None where none was measured."""

    model: str
    graph: GraphRecord
    program: Program
    layers: tuple[Layer, ...]
    targets: tuple[Target, ...]
    built: Sequence[Built]
    memory: Mapping[str, MemoryUse]
    left_out: Mapping[str, MisfitError]
    verification: Verification
    latency: NativeLatency | None
    stages: Sequence[StageTime]


def layers_of(program: Program) -> tuple[Layer, ...]:
    """Return what runs without an accelerator, in order."""
    facts = step_facts(program, parameters(program, 1).steps)
    expanded = operations(program).steps
    return tuple(Layer(fact, operation.step, program) for fact, operation in zip(facts, expanded, strict=True))
