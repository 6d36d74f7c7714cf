"""The graph on its way: how many nodes of each op after each pass, what was in float, and where weights are 0."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir

from dlk.frontends.rules import KERNEL, WEIGHT_QUANTIZERS
from dlk.frontends.support import float_reasons
from dlk.ir.edit import array, layer, nodes
from dlk.ir.ops import identifier
from dlk.lowering.program import Kind, Pointwise, Program, Step, Window
from dlk.passes import PASSES

EXPORTED = "as exported"


@dataclass(slots=True)
class GraphRecord:
    """What is written down of a graph while passes change it.

    floats: convolutions in float with the reasons, by layer; zeros: layers whose binary or ternary weights hold a 0.
    """

    floats: dict[str, tuple[str, ...]] = field(default_factory=dict)
    zeros: list[dict[str, Any]] = field(default_factory=list)
    passes: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, model: ir.Model) -> GraphRecord:
        """Return the record of a graph that was just read."""
        return cls(float_reasons(model), _zeros(model), [_counts(EXPORTED, "model.onnx, as it was read.", model)])

    def after(self, name: str, model: ir.Model) -> None:
        """Note what a pass left."""
        self.passes.append(_counts(name, _MEANINGS.get(name, ""), model))


def final_graph(program: Program) -> list[dict[str, Any]]:
    """Return the steps in the order of execution, each with the steps that it reads; the input is one of them."""
    makers = {program.input: program.input, **{name: step.name for step in program.steps for name in step.writes}}
    source = program.tensors[program.input]
    found = [{"name": program.input, "op": "Input", "window": "", "reads": [], "shape": list(source.shape), "bits": 32}]
    for step in program.steps:
        result = program.tensors[step.writes[0]]
        found.append(
            {
                "name": step.name,
                "op": type(step).__name__,
                "window": _window(step),
                "reads": [makers[name] for name in step.reads],
                "shape": list(result.shape),
                "bits": 32 if result.kind is Kind.FLOAT else result.bits,
            }
        )
    return found


def _counts(name: str, meaning: str, model: ir.Model) -> dict[str, Any]:
    ops = Counter(identifier(node) for node in model.graph)
    return {"name": name, "meaning": meaning, "nodes": ops.total(), "ops": dict(ops)}


def _zeros(model: ir.Model) -> list[dict[str, Any]]:
    """Return how many weights of a layer are exactly 0, and the sign that they have there: 0, or by our quantizers +1.

    A graph of the original that has sign(0) = 0 was read into a kernel of its own.
    """
    found = []
    for node in nodes(model, *WEIGHT_QUANTIZERS, KERNEL):
        kernel = array(node.inputs[0])
        zeros = kernel.size - int(np.count_nonzero(kernel))
        if zeros:
            sign = "0" if identifier(node) == KERNEL else "+1"
            found.append({"layer": layer(node), "zeros": zeros, "of": kernel.size, "sign": sign})
    return found


def window_of(step: Step) -> Window | None:
    """Return where the window of a step stands; None of a step without one."""
    found = getattr(step, "place", None) or getattr(step, "window", None)
    return found if isinstance(found, Window) else None


def _window(step: Step) -> str:
    window = window_of(step)
    if window is None:
        return step.function if isinstance(step, Pointwise) else ""
    rows, columns = window.kernel
    return f"{rows}x{columns}" + (f", stride {window.stride}" if window.stride != 1 else "")


def _meaning(text: str | None) -> str:
    """Return the first paragraph of a docstring in one line, without its marks of code."""
    return " ".join((text or "").strip().partition("\n\n")[0].replace("``", "").split())


_MEANINGS = {each.name: _meaning(each.__doc__) for each in PASSES}
