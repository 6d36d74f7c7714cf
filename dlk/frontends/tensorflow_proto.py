"""The protocol buffers of a frozen TensorFlow graph, as far as a reader needs them, without TensorFlow.

The numbers are those of TensorFlow's public graph.proto, node_def.proto, attr_value.proto, tensor.proto, function.proto
and op_def.proto; what is not listed is skipped when a file is read.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "dlk_tensorflow"
_SCALARS = {"float": 2, "int64": 3, "int32": 5, "bool": 8, "string": 9, "bytes": 12, "double": 1}
_MESSAGE = 11
# message -> field -> (number, type, repeated). A map is a repeated message of key and value, as it is on the wire.
_MESSAGES: dict[str, dict[str, tuple[int, str, bool]]] = {
    "Dim": {"size": (1, "int64", False)},
    "Shape": {"dim": (2, "Dim", True), "unknown_rank": (3, "bool", False)},
    "Tensor": {
        "dtype": (1, "int32", False),
        "tensor_shape": (2, "Shape", False),
        "tensor_content": (4, "bytes", False),
        "float_val": (5, "float", True),
        "double_val": (6, "double", True),
        "int_val": (7, "int32", True),
        "int64_val": (10, "int64", True),
        "bool_val": (11, "bool", True),
    },
    "ListValue": {"i": (3, "int64", True)},
    "AttrValue": {
        "list": (1, "ListValue", False),
        "s": (2, "bytes", False),
        "i": (3, "int64", False),
        "f": (4, "float", False),
        "b": (5, "bool", False),
        "type": (6, "int32", False),
        "shape": (7, "Shape", False),
        "tensor": (8, "Tensor", False),
    },
    "AttrEntry": {"key": (1, "string", False), "value": (2, "AttrValue", False)},
    "NodeDef": {
        "name": (1, "string", False),
        "op": (2, "string", False),
        "input": (3, "string", True),
        "attr": (5, "AttrEntry", True),
    },
    "Signature": {"name": (1, "string", False)},
    "FunctionDef": {"signature": (1, "Signature", False), "node_def": (3, "NodeDef", True)},
    "Library": {"function": (1, "FunctionDef", True)},
    "GraphDef": {"node": (1, "NodeDef", True), "library": (2, "Library", False)},
}


@cache
def _graph_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="dlk_tensorflow.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            entry = message.field.add(name=field, number=number, label=3 if repeated else 1)
            entry.type = _SCALARS.get(kind, _MESSAGE)
            if kind not in _SCALARS:
                entry.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.GraphDef"))


def parse(data: bytes) -> Any:
    """Return the GraphDef that the bytes hold; ``ValueError`` where they hold none."""
    graph = _graph_class()()
    try:
        graph.ParseFromString(data)
    except Exception as error:  # protobuf's DecodeError comes from a module without types
        raise ValueError(str(error)) from error
    if not graph.node or not all(node.name and node.op for node in graph.node):
        raise ValueError("it holds no nodes")
    return graph
