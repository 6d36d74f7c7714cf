"""200 random graphs of others, labelled by docs/graphs.md: each converts with ``==``, or is refused with a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import onnx
import pytest
import random_graphs
import refused_graphs
from catalogue import Catalogue, present
from foreign import Proved, prove
from graph_writer_onnx import OnnxWriter
from graph_writer_tensorflow import TensorflowWriter
from graph_writers import Writer
from interpreter import interpret
from refused_graphs import ODD
from runtime_programs import values
from test_graphs_command import operators

from dlk.codegen import fit
from dlk.errors import DlkError
from dlk.frontends.graph import import_graph
from dlk.frontends.onnx import load
from dlk.frontends.support import Floats
from dlk.frontends.tensorflow_proto import parse
from dlk.lowering import lower
from dlk.passes import run_passes
from dlk.targets import TARGETS
from dlk.verify.executors import LibraryExecutor

WRITERS: dict[str, Callable[[Random, tuple[int, int]], Writer]] = {"pb": TensorflowWriter, "onnx": OnnxWriter}
MUST_CONVERT = [("pb", seed) for seed in range(60)] + [("onnx", seed) for seed in range(90)]
PARTS = {"pb": refused_graphs.tensorflow_parts(), "onnx": refused_graphs.ONNX}
MUST_REFUSE = [(kind, number) for kind, parts in PARTS.items() for number in range(len(parts))]
COMPILED = 10


@cache
def drawn(kind: str, seed: int) -> random_graphs.Graph:
    return random_graphs.draw(WRITERS[kind], seed)


def proved(kind: str, seed: int, folder: Path) -> Proved:
    graph = drawn(kind, seed)
    floats = Floats.ANY if graph.floats else Floats.FEW
    return prove(graph.data, f"net.{kind}", folder, floats=floats, telling=False)


def refusal(file: Path) -> DlkError:
    """Return the error of all of ``convert`` before the compiler."""
    with pytest.raises(DlkError) as caught:
        imported = import_graph(file)
        contract = file.with_name("contract.onnx")
        contract.write_bytes(imported.model.SerializeToString())
        height, width = imported.size
        resize = {"Resize": {"size": [height, width], "resample": "NEAREST"}}
        classes = [f"class {n}" for n in range(imported.model.graph.output[0].type.tensor_type.shape.dim[3].dim_value)]
        meta = {"CLASSES": classes, "IMAGE_SIZE": [height, width], "PRE_PROCESSOR": [resize, {"DivideBy255": None}]}
        fit(lower(run_passes(load(contract, floats=Floats.FEW)), meta), TARGETS["x86"])
    return caught.value


@pytest.mark.parametrize(("kind", "seed"), MUST_CONVERT)
def test_a_graph_that_must_convert_is_the_same(kind: str, seed: int, tmp_path: Path) -> None:
    assert proved(kind, seed, tmp_path).differing == 0


@pytest.mark.parametrize(("kind", "number"), MUST_REFUSE)
def test_a_graph_that_must_be_refused_is_told_node_reason_and_rule(kind: str, number: int, tmp_path: Path) -> None:
    part = PARTS[kind][number]
    file = tmp_path / f"net.{kind}"
    file.write_bytes(refused_graphs.draw(WRITERS[kind], number, part).data)
    error = refusal(file)
    assert error.exit_code == 1
    assert ODD in f"{error.what} {error.where}", str(error)
    assert part.reason in str(error) and part.rule in str(error.expected), str(error)


def test_labels_follow_the_table_of_the_documentation() -> None:
    assert len(MUST_CONVERT) >= 120 and len(MUST_CONVERT) + len(MUST_REFUSE) >= 200
    for column, kind in ((1, "pb"), (2, "onnx")):
        documented = operators(column)
        for part in PARTS[kind]:
            assert not part.op or (part.op in documented) != part.unknown, part.name
        used = {op for seed in (seed for name, seed in MUST_CONVERT if name == kind) for op in used_by(kind, seed)}
        assert documented - used == set(), f"never drawn: {sorted(documented - used)}"


def used_by(kind: str, seed: int) -> Iterator[str]:
    """Yield the operators of a drawn graph."""
    data = drawn(kind, seed).data
    if kind == "pb":
        yield from (node.op for node in parse(data).node)
    else:
        for node in onnx.ModelProto.FromString(data).graph.node:
            yield f"qonnx.{node.op_type}" if node.domain else node.op_type


def test_some_run_natively(tmp_path: Path) -> None:
    target = replace(present(TARGETS["x86"]), isas=TARGETS["x86"].isas[:1])
    chosen = [*MUST_CONVERT[: COMPILED // 2], *MUST_CONVERT[-COMPILED // 2 :]]
    programs = [proved(kind, seed, tmp_path).program for kind, seed in chosen]
    catalogue = Catalogue(tmp_path / "built", target, programs)
    for program in programs:
        x = values(program)
        expected = interpret(program, x)
        with LibraryExecutor(catalogue.build(program), name="x86", isa=target.isas[0].name) as library:
            traced = library.trace(x)
        for step in program.steps:
            if step.writes[0] in traced:
                np.testing.assert_array_equal(traced[step.writes[0]], expected[step.writes[0]])
        np.testing.assert_array_equal(traced["output"].view(np.uint32), expected[program.output].view(np.uint32))
