"""The whole graph turns to NHWC with HWIO kernels, and the transposes at its ends fall away."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from dlk.errors import InternalError
from dlk.ir.edit import array, constant, insert_before, is_op, nodes, replace
from dlk.ir.ops import identifier
from dlk.passes.base import Rewrite, layer

TO_NCHW, TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]
OIHW_TO_HWIO = (2, 3, 1, 0)


class ChannelsLast(Rewrite):
    """Transpose -> NCHW body -> Transpose becomes the same body on NHWC tensors.

    Batch normalisation becomes ours, in float64; the logits of a last layer without quantizer are cast back.
    """

    name = "channels_last"
    removes = frozenset({"Transpose", "Conv", "BatchNormalization", "SpaceToDepth", "DepthToSpace"})

    def rewrite(self, model: ir.Model) -> bool:
        """Rebuild the body node by node; ``turned`` maps each NCHW value to its NHWC twin."""
        turned: dict[ir.Value, ir.Value] = {}
        body = nodes(model, "Transpose", *_TWINS)
        for node in body:
            if node.op_type == "Transpose" and list(node.attributes["perm"].value) == TO_NCHW:
                turned[node.outputs[0]] = node.inputs[0]
                continue
            if node.inputs[0] not in turned:
                raise InternalError("a value is not NCHW where it should be", where=node.name)
            if node.op_type == "Transpose":
                replace(node.outputs[0], turned[node.inputs[0]])
            else:
                turned[node.outputs[0]] = _TWINS[identifier(node)](model.graph, node, turned[node.inputs[0]])
        return bool(body)


def _move(graph: ir.Graph, node: ir.Node, x: ir.Value) -> ir.Value:
    block = {"blocksize": node.attributes["blocksize"].as_int()}
    return insert_before(node, f"dlk.{node.op_type}", [x], name=node.name, attributes=block)


def _conv(graph: ir.Graph, node: ir.Node, x: ir.Value) -> ir.Value:
    kernel = node.inputs[1]
    if is_op(kernel, "dlk.BinaryKernel"):
        binary = kernel.producer()
        parts = [_turned_constant(graph, value) for value in binary.inputs]
        kernel = insert_before(node, "dlk.BinaryKernel", parts, name=binary.name)
    else:
        kernel = _turned_constant(graph, kernel)
    return insert_before(node, "dlk.Conv", [x, kernel], name=node.name)


def _turned_constant(graph: ir.Graph, value: ir.Value) -> ir.Value:
    return constant(graph, f"{value.name}/hwio", array(value).transpose(OIHW_TO_HWIO))


def _batch_norm(graph: ir.Graph, node: ir.Node, x: ir.Value) -> ir.Value:
    epsilon = {"epsilon": node.attributes["epsilon"].as_float()}
    normal = insert_before(node, "dlk.BatchNorm", [x, *node.inputs[1:]], name=node.name, attributes=epsilon)
    if all(identifier(reader) == "dlk.Quantize" for reader in node.outputs[0].consumers()):
        return normal
    return insert_before(node, "Cast", [normal], name=f"{layer(node)}/cast", attributes={"to": int(ir.DataType.FLOAT)})


def _single(graph: ir.Graph, node: ir.Node, x: ir.Value) -> ir.Value:
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    name = node.outputs[0].name
    inputs = [x, *node.inputs[1:]]
    return insert_before(node, identifier(node), inputs, name=node.name, output=name, attributes=attributes)


_TWINS: dict[str, Callable[[ir.Graph, ir.Node, ir.Value], ir.Value]] = {
    "SpaceToDepth": _move,
    "DepthToSpace": _move,
    "Conv": _conv,
    "BatchNormalization": _batch_norm,
    "dlk.Quantize": _single,
    "dlk.Dequantize": _single,
}
