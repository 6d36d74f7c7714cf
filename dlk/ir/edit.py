"""Small steps of which rewrites are made: read or add a constant, insert a typed node, replace a value."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnx_ir.passes.common as common_passes
from numpy.typing import NDArray

from dlk.errors import InternalError
from dlk.ir.ops import DOMAIN, OPS, function, identifier, infer


def is_op(value: ir.Value | None, name: str) -> bool:
    """Tell whether the value is made by a node of this op (``domain.Name``)."""
    node = value.producer() if value is not None else None
    return node is not None and identifier(node) == name


def array(value: ir.Value) -> NDArray[Any]:
    """Return the value of an initializer."""
    if value.const_value is None:
        raise InternalError("a constant is expected here", where=value.name)
    return np.asarray(value.const_value.numpy())


def only_consumer(value: ir.Value) -> ir.Node | None:
    """Return the single node that reads the value; None when there are several, none, or it is an output."""
    consumers = value.consumers()
    if value.is_graph_output() or len(consumers) != 1 or len(value.uses()) != 1:
        return None
    return consumers[0]


def layer(node: ir.Node | onnx.NodeProto) -> str:
    """Return the layer to which a node belongs: ``conv1`` of ``conv1/batch_norm``."""
    return str(node.name).partition("/")[0]


def nodes(model: ir.Model, *names: str) -> list[ir.Node]:
    """Return the nodes of these ops (``domain.Name``) in execution order, as a list that survives rewriting."""
    return [node for node in model.graph if identifier(node) in names]


def constant(graph: ir.Graph, name: str, values: NDArray[np.generic]) -> ir.Value:
    """Add an initializer, or replace the one of that name."""
    tensor = ir.tensor(np.ascontiguousarray(values), name=name)
    value = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(values.shape), const_value=tensor)
    graph.initializers.pop(name, None)
    graph.register_initializer(value)
    return value


def insert_before(
    place: ir.Node,
    op: str,
    inputs: Sequence[ir.Value],
    *,
    name: str,
    output: str | None = None,
    attributes: Mapping[str, int | float | Sequence[int]] | None = None,
) -> ir.Value:
    """Insert a node of the op (``domain.Name``) before ``place`` and return its one typed output.

    output: name of the value; the node's name with ``:0`` unless given.
    """
    (result,) = insert_several(place, op, inputs, name=name, outputs=[output or f"{name}:0"], attributes=attributes)
    return result


def insert_several(
    place: ir.Node,
    op: str,
    inputs: Sequence[ir.Value],
    *,
    name: str,
    outputs: Sequence[str],
    attributes: Mapping[str, int | float | Sequence[int]] | None = None,
) -> tuple[ir.Value, ...]:
    """Insert a node of the op (``domain.Name``) before ``place`` and return its typed outputs, so named."""
    entry = OPS[op]
    node = ir.node(entry.name, inputs, dict(attributes or {}), domain=entry.domain, name=name, num_outputs=len(outputs))
    for value, output in zip(node.outputs, outputs, strict=True):
        value.name = output
    retype(node)
    place.prepend(node)
    return tuple(node.outputs)


def attributes_of(node: ir.Node, only: Collection[str] | None = None) -> dict[str, Any]:
    """Return the node's attributes, or those of them in ``only``, for a node that takes its place."""
    return {name: kept.value for name, kept in node.attributes.items() if only is None or name in only}


def retype(node: ir.Node) -> None:
    """Set dtype and shape of the node's outputs by the rule of its op."""
    try:
        dtype, shapes = infer(node)
        if len(shapes) != len(node.outputs):
            raise ValueError(f"it has {len(node.outputs)} outputs, the rule says {len(shapes)}")
    except ValueError as error:
        raise InternalError(f"{identifier(node)} does not fit its operands: {error}", where=node.name) from error
    for value, shape in zip(node.outputs, shapes, strict=True):
        value.type = ir.TensorType(dtype)
        value.shape = ir.Shape(shape)


def replace(old: ir.Value, new: ir.Value) -> None:
    """Let every reader of ``old``, the graph's output included, read ``new``; an output keeps its name."""
    if old.is_graph_output():
        old.name, new.name = f"{old.name}/replaced", old.name
    ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)


def tidy(model: ir.Model) -> None:
    """Drop what nothing reads, and carry the body of each op that is used and of no other."""
    common_passes.RemoveUnusedNodesPass()(model)
    used = {node.op_type for node in model.graph if node.domain == DOMAIN}
    for name in used:
        key = (DOMAIN, name, "")
        if key not in model.functions:
            model.functions[key] = function(name)
    if used:
        model.graph.opset_imports[DOMAIN] = 1
    common_passes.RemoveUnusedFunctionsPass()(model)
    common_passes.RemoveUnusedOpsetsPass()(model)
