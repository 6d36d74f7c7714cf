"""The rules of the graph: run after every pass, so that the pass which broke one is named.

Each node is one that ``OPS`` knows and the stage allows, reads what was made before it, has the attributes, dtypes and
shapes of its op, and holds numbers that mean something.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import onnx_ir as ir

from dlk.errors import InternalError
from dlk.ir.codes import code_type, node_code_type
from dlk.ir.edit import array
from dlk.ir.ops import CODES, DOMAIN, OPS, Op, attribute_faults, identifier, infer, static_shape
from dlk.ir.shapes import touches


class BrokenGraphError(InternalError):
    """A graph breaks a rule of the IR."""


def check(model: ir.Model, *, allowed: Collection[str] | None = None) -> None:
    """Raise ``BrokenGraphError`` at the first rule that the graph breaks.

    allowed: identifiers of the ops that may occur at this stage; any of ``OPS`` when None.
    """
    graph = model.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise BrokenGraphError("a graph has one input and one output", where=graph.name)
    known = {*graph.inputs, *graph.initializers.values()}
    names: set[str | None] = {value.name for value in known}
    nodes: set[str | None] = set()
    for node in graph:
        _need(bool(node.name) and node.name not in nodes, node, "its name is empty or taken")
        nodes.add(node.name)
        _check_node(model, node, known, allowed)
        for value in node.outputs:
            _need(bool(value.name) and value.name not in names, node, f"its value's name {value.name!r} is taken")
            names.add(value.name)
            known.add(value)
    if graph.outputs[0] not in known:
        raise BrokenGraphError("nothing makes the graph's output", where=graph.outputs[0].name)
    if graph.outputs[0].dtype != ir.DataType.FLOAT:
        raise BrokenGraphError("the graph's output is not float32", where=graph.outputs[0].name)


def _need(holds: bool, node: ir.Node, reason: str) -> None:
    if not holds:
        raise BrokenGraphError(f"{identifier(node)}: {reason}", where=node.name)


def _check_node(model: ir.Model, node: ir.Node, known: set[ir.Value], allowed: Collection[str] | None) -> None:
    name = identifier(node)
    _need(name in OPS, node, "no such op")
    _need(allowed is None or name in allowed, node, "this op may not occur at this stage")
    op = OPS[name]
    _need(not op.domain or node.op_identifier() in model.functions, node, "the model has no body of this op")
    _check_operands(op, node, known)
    for fault in attribute_faults(node):
        raise BrokenGraphError(f"{name}: {fault}", where=node.name)
    try:
        dtype, shapes = infer(node)
        declared = [(value.dtype, static_shape(value)) for value in node.outputs]
    except ValueError as error:
        raise BrokenGraphError(f"{name}: {error}", where=node.name) from error
    _need(len(declared) == len(shapes), node, f"it has {len(declared)} outputs, the rule says {len(shapes)}")
    for (kind, size), shape in zip(declared, shapes, strict=True):
        _need((kind, size) == (dtype, shape), node, f"its output is {kind} {size}, the rule says {dtype} {shape}")
    if name in _MEANING:
        _MEANING[name](node)


def _check_operands(op: Op, node: ir.Node, known: set[ir.Value]) -> None:
    _need(op.takes(len(node.inputs)), node, f"it has {len(node.inputs)} inputs, not {len(op.operands)}")
    for index, value in enumerate(node.inputs):
        operand = op.operand(index)
        _need(value in known, node, f"{operand.name} is not made before it")
        _need(value.dtype in operand.dtypes, node, f"{operand.name} is {value.dtype}")
        _need(value.shape is not None and value.shape.rank() == operand.rank, node, f"{operand.name} is {value.shape}")
        if value.const_value is not None:
            tensor = value.const_value
            consistent = tensor.dtype == value.dtype and tuple(tensor.shape) == tuple(value.shape)
            _need(consistent, node, f"{operand.name} does not hold what it declares")
        else:
            _need(not operand.constant, node, f"{operand.name} is not a constant")


def _signs(node: ir.Node, operand: int) -> None:
    """Check a kernel: binary (-1, +1) or ternary (-1, 0, +1)."""
    _need(bool(np.isin(array(node.inputs[operand]), (-1, 0, 1)).all()), node, "a sign is none of -1, 0, +1")


def _same_strides(node: ir.Node) -> None:
    rows, columns = node.attributes["strides"].value
    _need(rows == columns, node, f"its strides {rows} and {columns} differ")


def _finite(node: ir.Node, *operands: int) -> None:
    for operand in operands:
        holds = bool(np.all(np.isfinite(array(node.inputs[operand]))))
        _need(holds, node, f"a number of {node.inputs[operand].name} is not finite")


def _binary_kernel(node: ir.Node) -> None:
    _signs(node, 0)
    _finite(node, 1)


def _thresholds(node: ir.Node) -> None:
    values, directions = (array(value) for value in node.inputs[-2:])
    _need(bool(np.all(np.abs(directions) == 1)), node, "a direction is neither +1 nor -1")
    rising = values * directions[:, None]
    _need(bool(np.all(rising[:, 1:] >= rising[:, :-1])), node, "thresholds do not follow their direction")


def _quant_threshold(node: ir.Node) -> None:
    _signs(node, 1)
    _same_strides(node)
    _thresholds(node)
    code_type(node.inputs[0])


def _float_threshold(node: ir.Node) -> None:
    _finite(node, 1)
    _same_strides(node)
    _need(not np.any(np.isnan(array(node.inputs[2]))), node, "a threshold is not a number")
    _thresholds(node)


def _threshold(node: ir.Node) -> None:
    _need(not np.any(np.isnan(array(node.inputs[1]))), node, "a threshold is not a number")
    _thresholds(node)


def _quant_affine(node: ir.Node) -> None:
    _signs(node, 1)
    _finite(node, 2, 3)
    _same_strides(node)
    code_type(node.inputs[0])


def _float_affine(node: ir.Node) -> None:
    _finite(node, 1, 2, 3)
    _same_strides(node)


def _quant_conv(node: ir.Node) -> None:
    _signs(node, 1)
    _same_strides(node)
    code_type(node.inputs[0])


def _max_pool(node: ir.Node) -> None:
    _same_strides(node)
    size = static_shape(node.inputs[0])[1:3]
    window, strides, pads = (tuple(node.attributes[key].value) for key in ("kernel_shape", "strides", "pads"))
    _need(touches(size, window, strides, pads), node, "a window lies outside of the image")


def _concat(node: ir.Node) -> None:
    _need(len({value.dtype for value in node.inputs}) == 1, node, "it joins codes and values")
    if node.outputs[0].dtype == CODES:
        kinds = {code_type(value) for value in node.inputs}
        _need(len(kinds) == 1, node, "it joins codes of different meaning")


def _dequantize(node: ir.Node) -> None:
    _need(code_type(node.inputs[0]) == node_code_type(node), node, "its codes have another meaning")
    _need(np.array_equal(array(node.inputs[1]), node_code_type(node).values()), node, "its table is another")


_MEANING: dict[str, Callable[[ir.Node], None]] = {
    f"{DOMAIN}.BinaryKernel": _binary_kernel,
    f"{DOMAIN}.BatchNorm": lambda node: _finite(node, 1, 2, 3, 4),
    f"{DOMAIN}.Rescale": lambda node: _finite(node, 1),
    f"{DOMAIN}.Conv": _same_strides,
    f"{DOMAIN}.MaxPool": _max_pool,
    "Concat": _concat,
    f"{DOMAIN}.QuantConv": _quant_conv,
    f"{DOMAIN}.QuantConvThreshold": _quant_threshold,
    f"{DOMAIN}.FloatConvThreshold": _float_threshold,
    f"{DOMAIN}.AveragePool": _max_pool,
    f"{DOMAIN}.Affine": lambda node: _finite(node, 1, 2),
    f"{DOMAIN}.FloatThreshold": _threshold,
    f"{DOMAIN}.QuantConvAffine": _quant_affine,
    f"{DOMAIN}.FloatConvAffine": _float_affine,
    f"{DOMAIN}.Dequantize": _dequantize,
}
