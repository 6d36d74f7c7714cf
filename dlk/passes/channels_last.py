"""The whole graph turns to NHWC with HWIO kernels, and the transposes at its ends fall away."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import PostconditionError

from dlk.errors import InternalError
from dlk.ir.codes import COMMUTING
from dlk.ir.edit import array, attributes_of, constant, insert_before, insert_several, is_op, layer, nodes, replace
from dlk.ir.ops import ELEMENTWISE, WINDOW, identifier, static_shape
from dlk.passes.base import Rewrite

TO_NCHW, TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]
OIHW_TO_HWIO = (2, 3, 1, 0)
_DATA = {**COMMUTING, **dict.fromkeys(ELEMENTWISE, slice(None))}  # each with its operands that are data


class ChannelsLast(Rewrite):
    """Transpose -> NCHW body -> Transpose becomes the same body on NHWC tensors.

    Batch normalisation becomes ours, in float64; the logits of a last layer without quantizer are cast back.
    """

    name = "channels_last"
    removes = frozenset(
        {"Transpose", "Conv", "BatchNormalization", "SpaceToDepth", "DepthToSpace", "MaxPool", "AveragePool", "Pad"}
    )

    def rewrite(self, model: ir.Model) -> bool:
        """Rebuild the body node by node; ``turned`` maps each NCHW value to its NHWC twin."""
        turned: dict[ir.Value, ir.Value] = {}
        body = [node for node in model.graph if identifier(node) in ("Transpose", *_TWINS)]
        for node in body:
            if node.op_type == "Transpose" and list(node.attributes["perm"].value) == TO_NCHW:
                turned[node.outputs[0]] = node.inputs[0]
                continue
            data = node.inputs[_DATA.get(identifier(node), slice(0, 1))]
            if any(value not in turned for value in data):
                raise InternalError("a value is not NCHW where it should be", where=node.name)
            twins = [turned[value] for value in data]
            if node.op_type == "Transpose":
                replace(node.outputs[0], twins[0])
            else:
                made = _TWINS[identifier(node)](model.graph, node, twins)
                turned.update(zip(node.outputs, made, strict=True))
        return bool(body)

    def ensures(self, model: ir.Model) -> None:
        """Raise when channels are still joined or parted on the axis that they had in NCHW."""
        super().ensures(model)
        for node in nodes(model, "Concat", "Split", "Softmax"):
            if node.attributes["axis"].as_int() != 3:
                raise PostconditionError(f"{node.name} is still NCHW")


def _move(graph: ir.Graph, node: ir.Node, data: Sequence[ir.Value]) -> Sequence[ir.Value]:
    return [
        insert_before(node, f"dlk.{node.op_type}", data, name=node.name, attributes=attributes_of(node, ["blocksize"]))
    ]


def _conv(graph: ir.Graph, node: ir.Node, data: Sequence[ir.Value]) -> Sequence[ir.Value]:
    kernel, group = node.inputs[1], node.attributes["group"].as_int() if "group" in node.attributes else 1
    if is_op(kernel, "dlk.BinaryKernel"):
        binary = kernel.producer()
        sign, scale = binary.inputs
        parts = [_turned_constant(graph, sign, group), _turned_constant(graph, scale)]
        kernel = insert_before(node, "dlk.BinaryKernel", parts, name=binary.name)
    else:
        kernel = _turned_constant(graph, kernel, group)
    return [insert_before(node, "dlk.Conv", [*data, kernel], name=node.name, attributes=_window(node))]


def _max_pool(graph: ir.Graph, node: ir.Node, data: Sequence[ir.Value]) -> Sequence[ir.Value]:
    facts = {**attributes_of(node, ["kernel_shape"]), **_window(node)}
    return [insert_before(node, "dlk.MaxPool", data, name=node.name, attributes=facts)]


def _window(node: ir.Node) -> dict[str, Sequence[int]]:
    """Return how the window moves, spelled out where the graph leaves it to ONNX."""
    return {"strides": [1, 1], "pads": [0, 0, 0, 0], **attributes_of(node, WINDOW)}


def _average_pool(graph: ir.Graph, node: ir.Node, data: Sequence[ir.Value]) -> Sequence[ir.Value]:
    facts = {"count_include_pad": 0, **attributes_of(node, ["kernel_shape", "count_include_pad"]), **_window(node)}
    return [insert_before(node, "dlk.AveragePool", data, name=node.name, attributes=facts)]


def _concat(graph: ir.Graph, node: ir.Node, data: Sequence[ir.Value]) -> Sequence[ir.Value]:
    return [insert_before(node, "Concat", data, name=node.name, attributes={"axis": 3})]


def _split(graph: ir.Graph, node: ir.Node, data: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """Part the channels by sizes, also where the graph names a number of parts."""
    sizes = np.array([static_shape(value)[1] for value in node.outputs], dtype=np.int64)
    names = [str(value.name) for value in node.outputs]
    inputs = [*data, constant(graph, f"{node.name}/sizes", sizes)]
    return insert_several(node, "Split", inputs, name=node.name, outputs=names, attributes={"axis": 3})


def _pad(graph: ir.Graph, node: ir.Node, data: Sequence[ir.Value]) -> Sequence[ir.Value]:
    widths = array(node.inputs[1]).reshape(2, 4)[:, TO_NHWC].reshape(-1)
    return [insert_before(node, "dlk.Pad", data, name=node.name, attributes={"pads": widths.tolist()})]


def _turned_constant(graph: ir.Graph, value: ir.Value, group: int = 1) -> ir.Value:
    """Turn a kernel to HWIO; one of several groups becomes one for all channels, with 0 where they do not meet."""
    kernel = array(value).transpose(OIHW_TO_HWIO)
    if group != 1:
        rows, columns, inputs, outputs = kernel.shape
        whole = np.zeros((rows, columns, inputs * group, outputs), kernel.dtype)
        each = outputs // group
        for number in range(group):
            of_group = slice(number * each, (number + 1) * each)
            whole[:, :, number * inputs : (number + 1) * inputs, of_group] = kernel[..., of_group]
        kernel = whole
    return constant(graph, f"{value.name}/hwio", kernel)


def _batch_norm(graph: ir.Graph, node: ir.Node, data: Sequence[ir.Value]) -> Sequence[ir.Value]:
    facts = attributes_of(node, ["epsilon"])
    normal = insert_before(node, "dlk.BatchNorm", [*data, *node.inputs[1:]], name=node.name, attributes=facts)
    if all(identifier(reader) == "dlk.Quantize" for reader in node.outputs[0].consumers()):
        return [normal]
    to_float = {"to": int(ir.DataType.FLOAT)}
    return [insert_before(node, "Cast", [normal], name=f"{layer(node)}/cast", attributes=to_float)]


def _single(graph: ir.Graph, node: ir.Node, data: Sequence[ir.Value]) -> Sequence[ir.Value]:
    inputs = [*data, *node.inputs[len(data) :]]
    name = node.outputs[0].name
    return [insert_before(node, identifier(node), inputs, name=node.name, output=name, attributes=attributes_of(node))]


def _softmax(graph: ir.Graph, node: ir.Node, data: Sequence[ir.Value]) -> Sequence[ir.Value]:
    return [insert_before(node, "Softmax", data, name=node.name, attributes={"axis": 3})]


_TWINS: dict[str, Callable[[ir.Graph, ir.Node, Sequence[ir.Value]], Sequence[ir.Value]]] = {
    "SpaceToDepth": _move,
    "DepthToSpace": _move,
    "Conv": _conv,
    "MaxPool": _max_pool,
    "Concat": _concat,
    "Split": _split,
    "Pad": _pad,
    "BatchNormalization": _batch_norm,
    "AveragePool": _average_pool,
    "Softmax": _softmax,
    **dict.fromkeys(("Relu", "LeakyRelu", *ELEMENTWISE), _single),
    "dlk.Quantize": _single,
    "dlk.Dequantize": _single,
}
