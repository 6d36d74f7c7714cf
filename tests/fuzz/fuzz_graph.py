"""Changes of a graph, each chosen by a few bytes: another op, attribute, operand, order, weight or shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from fuzz_reader import Reader
from onnx import helper, numpy_helper

_OPS = (
    "Conv", "BatchNormalization", "Relu", "MaxPool", "Concat", "Split", "Pad", "Transpose", "SpaceToDepth",
    "DepthToSpace", "Softplus", "Add", "Identity", "Cast", "LinearMidTreadHalfQuantizer", "BinaryMeanScalingQuantizer",
)  # fmt: skip
_DOMAINS = ("", "blueoil", "dlk", "strange")
_ATTRIBUTES = (
    "kernel_shape", "strides", "pads", "dilations", "group", "axis", "blocksize", "mode", "perm", "epsilon", "bits",
    "max_value", "auto_pad", "num_outputs", "to", "momentum",
)  # fmt: skip
_KINDS = (np.float32, np.float64, np.int64, np.uint8, np.int8, np.int32, np.float16, np.bool_)


def change(model: onnx.ModelProto, reader: Reader) -> None:
    """Change one thing."""
    graph = model.graph
    if graph.node:
        reader.pick(_CHANGES)(model, graph, reader)


def _node(graph: onnx.GraphProto, reader: Reader) -> onnx.NodeProto:
    return reader.pick(graph.node)


def _value(graph: onnx.GraphProto, reader: Reader) -> str:
    """Return the name of any value, or one that there is not."""
    names = [name for node in graph.node for name in node.output]
    names += [tensor.name for tensor in graph.initializer] + [value.name for value in graph.input] + ["", "nowhere"]
    return reader.pick(names)


def _op(_: onnx.ModelProto, graph: onnx.GraphProto, reader: Reader) -> None:
    node = _node(graph, reader)
    node.op_type = reader.pick(_OPS)
    if reader.byte() % 2:
        node.domain = reader.pick(_DOMAINS)


def _attribute(_: onnx.ModelProto, graph: onnx.GraphProto, reader: Reader) -> None:
    node = _node(graph, reader)
    name = node.attribute[reader.byte() % len(node.attribute)].name if node.attribute else reader.pick(_ATTRIBUTES)
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    how = reader.byte() % 6
    if how == 0:
        name = reader.pick(_ATTRIBUTES)
    made = {
        1: lambda: [reader.number() for _ in range(1 + reader.byte() % 5)],
        2: reader.number,
        3: reader.real,
        4: lambda: reader.pick(("NOTSET", "SAME_UPPER", "DCR", "CRD", "constant", "reflect")),
        5: None,
    }.get(how, lambda: [1 + reader.byte() % 4] * (1 + reader.byte() % 4))
    del node.attribute[:]
    node.attribute.extend(kept)
    if made is not None:
        node.attribute.append(helper.make_attribute(name, made()))


def _operand(_: onnx.ModelProto, graph: onnx.GraphProto, reader: Reader) -> None:
    node = _node(graph, reader)
    how = reader.byte() % 3
    if how == 0 and node.input:
        node.input[reader.byte() % len(node.input)] = _value(graph, reader)
    elif how == 1 and node.input:
        del node.input[reader.byte() % len(node.input)]
    else:
        node.input.append(_value(graph, reader))


def _output(_: onnx.ModelProto, graph: onnx.GraphProto, reader: Reader) -> None:
    node = _node(graph, reader)
    if reader.byte() % 2:
        node.output.append(reader.pick(("more", "output", "")))
    elif node.output:
        node.output[0] = _value(graph, reader)


def _order(_: onnx.ModelProto, graph: onnx.GraphProto, reader: Reader) -> None:
    where = reader.byte() % len(graph.node)
    nodes = list(graph.node)
    moved = nodes.pop(where)
    how = reader.byte() % 3
    if how:
        nodes.insert(reader.byte() % (len(nodes) + 1), moved)
    if how == 2:
        nodes.append(moved)
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def _name(_: onnx.ModelProto, graph: onnx.GraphProto, reader: Reader) -> None:
    _node(graph, reader).name = reader.pick(("", "x", graph.node[0].name, "a b\n*/", "\u00e9" * 300))


def _weight(_: onnx.ModelProto, graph: onnx.GraphProto, reader: Reader) -> None:
    if not graph.initializer:
        return
    tensor = reader.pick(graph.initializer)
    try:
        values = np.array(numpy_helper.to_array(tensor))
    except ValueError:  # a change before this one took its shape
        return
    how = reader.byte() % 5
    if how == 0:
        values = values.astype(reader.pick(_KINDS))
    elif how == 1 and values.size:
        values.reshape(-1)[reader.byte() % values.size] = np.asarray(reader.real()).astype(values.dtype, copy=False)
    elif how == 2:
        values = np.zeros([reader.byte() % 6 for _ in range(reader.byte() % 6)], values.dtype)
    elif how == 3 and values.ndim:
        values = np.moveaxis(values, 0, -1)
    else:
        tensor.dims[:] = [reader.number() for _ in range(reader.byte() % 5)]
        return
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))


def _interface(model: onnx.ModelProto, graph: onnx.GraphProto, reader: Reader) -> None:
    how = reader.byte() % 5
    value = graph.input[0] if how % 2 else graph.output[0]
    if how < 2:
        kind = reader.pick((1, 11, 7, 2, 0))
        size = [reader.number() for _ in range(reader.byte() % 6)]
        value.CopyFrom(helper.make_tensor_value_info(value.name, kind, size))
    elif how == 2:
        model.opset_import[0].version = reader.number() & 0xFFFF
    elif how == 3:
        graph.output.add().CopyFrom(helper.make_tensor_value_info(_value(graph, reader), 1, None))
    else:
        value.name = _value(graph, reader)


def _function(model: onnx.ModelProto, graph: onnx.GraphProto, reader: Reader) -> None:
    if not model.functions:
        return
    where = reader.byte() % len(model.functions)
    if reader.byte() % 2:
        del model.functions[where]
    else:
        function = model.functions[where]
        del function.node[reader.byte() % max(len(function.node), 1) :]


_CHANGES: tuple[Callable[[onnx.ModelProto, onnx.GraphProto, Reader], None], ...] = (
    _op, _attribute, _attribute, _attribute, _operand, _output, _order, _name, _weight, _weight, _interface, _function,
)  # fmt: skip
