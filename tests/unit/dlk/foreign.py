"""A graph file through the frontend, both proofs, and the program: all of ``convert --graph`` but the compiler."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from interpreter import interpret
from numpy.typing import NDArray

from blueoil import graphs
from dlk.codegen import fit
from dlk.frontends.graph import Imported, import_graph
from dlk.frontends.onnx import load
from dlk.frontends.support import Floats, float_reasons
from dlk.lowering import lower
from dlk.lowering.program import Program, QuantConv
from dlk.passes import run_passes
from dlk.targets import TARGETS
from dlk.verify.rounding import RoundingResult
from dlk.verify.verification import Verifier


@dataclass(frozen=True, slots=True)
class Proved:
    """What a test asks of a graph that was read; ``differing``: codes that round apart from the original's."""

    imported: Imported
    program: Program
    rounding: RoundingResult
    float_layers: tuple[str, ...]

    @property
    def differing(self) -> int:
        return sum(layer.differing for layer in self.rounding.layers)

    @property
    def quantized(self) -> int:
        return sum(isinstance(step, QuantConv) for step in self.program.steps)


@cache
def _scenes(size: tuple[int, int]) -> NDArray[np.uint8]:
    return graphs.scenes(size)


def prove(data: bytes, name: str, folder: Path, *, floats: Floats = Floats.FEW, telling: bool = True) -> Proved:
    """Read a graph and assert both proofs: against the original, and of the program, ``==``, by the interpreter.

    telling: each layer must have several codes on the pictures.
    """
    file, export = folder / name, folder / "export"
    file.write_bytes(data)
    imported = import_graph(file)
    meta = graphs.read_meta(None, imported, "net")
    graphs.write_export(file, imported, export, meta, _scenes(imported.size)[:2])
    model = load(export / "model.onnx", floats=floats)
    in_float = tuple(float_reasons(model))
    verifier = Verifier(export / "model.onnx", export / "reference.npz")
    rounding, _ = verifier.check_graph()
    assert rounding.passed, rounding
    for layer, codes in verifier.golden.codes.items():
        assert not telling or len(np.unique(codes)) > 1, f"{layer} says nothing"
    program = lower(run_passes(model), meta)
    fit(program, TARGETS["x86"])
    made = interpret(program, verifier.golden.input[0])
    expected = verifier.trace(0)
    for step in program.steps:
        if step.name in verifier.reference.quantized_layers:
            assert np.array_equal(made[step.writes[0]], expected[step.name]), step.name
    assert np.array_equal(made[program.output].view(np.uint32), expected["output"].view(np.uint32))
    return Proved(imported, program, rounding, in_float)
