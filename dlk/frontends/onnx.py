"""Read a ``model.onnx`` that the export wrote into the IR: typed, checked, or refused with reasons."""

from __future__ import annotations

from pathlib import Path

import onnx_ir as ir

from dlk.errors import DlkError
from dlk.frontends.support import Floats, Problem, layer_problems, node_problems, refuse
from dlk.ir.check import BrokenGraphError, check
from dlk.ir.edit import retype
from dlk.ir.files import read_model
from dlk.ir.ops import OPSET


def load(path: Path, *, floats: Floats = Floats.ENDS) -> ir.Model:
    """Return the graph of a model file, with dtype and shape on every value. floats: which layers may run in float.

    Raises ``DlkError`` for a file that is foreign, damaged or too large, and for a network that cannot be converted;
    the error lists every part that is in the way, with the rule and what to do.
    """
    proto = read_model(path)
    try:
        model = ir.serde.deserialize_model(proto)
    except Exception as error:  # SerdeError, and whatever its parts raise on a graph that names what there is not
        raise _inconsistent(path, DlkError(_cause(error))) from error
    opset = model.graph.opset_imports.get("")
    if opset != OPSET:
        raise DlkError(
            "the model is written in another version of ONNX",
            where=str(path),
            expected=f"opset {OPSET}",
            received=f"opset {opset}",
            fix="export the checkpoint again",
        )
    refuse(str(path), _interface_problems(model) or node_problems(model))
    try:
        for node in model.graph:
            retype(node)
        check(model)
    except BrokenGraphError as error:
        raise _inconsistent(path, error) from error
    except DlkError as error:
        raise _inconsistent(path, error) from error
    refuse(str(path), layer_problems(model, floats))
    return model


def _interface_problems(model: ir.Model) -> list[Problem]:
    problems = []
    inputs, outputs = model.graph.inputs, model.graph.outputs
    if len(inputs) != 1 or len(outputs) != 1:
        return [Problem("the graph", f"it has {len(inputs)} inputs and {len(outputs)} outputs", "one of each")]
    value = inputs[0]
    shape = tuple(value.shape) if value.shape is not None else ()
    static = len(shape) == 4 and value.shape.is_static() and shape[0] == 1 and shape[3] == 3
    if value.dtype != ir.DataType.FLOAT or not static:
        problems.append(Problem(str(value.name), f"the input is {value.dtype} {list(shape)}", "float32 [1, H, W, 3]"))
    return problems


def _cause(error: BaseException) -> str:
    """Return the first reason of an error in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())[:200] or type(error).__name__


def _inconsistent(path: Path, error: DlkError) -> DlkError:
    return DlkError(
        f"the model does not fit together: {error.what}",
        where=f"{path}, {error.where}" if error.where else str(path),
        expected="a model.onnx as the export writes it",
        fix="export the checkpoint again",
    )
