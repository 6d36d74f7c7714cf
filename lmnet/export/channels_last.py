"""A frozen graph in NCHW, which TensorFlow computes on GPUs only, as one that computes the same on any machine."""

from __future__ import annotations

import tensorflow as tf

_LISTS = ("strides", "ksize", "dilations")
_TO_NHWC, _TO_NCHW = (0, 2, 3, 1), (0, 3, 1, 2)


def computable(graph: tf.compat.v1.GraphDef) -> tf.compat.v1.GraphDef:
    """Return the graph with each NCHW operator between two transposes; node names and values stay what they are."""
    if not any(node.attr["data_format"].s == b"NCHW" for node in graph.node if "data_format" in node.attr):
        return graph
    made = tf.compat.v1.GraphDef(library=graph.library, versions=graph.versions)
    for name, order in (("nchw/to_nhwc", _TO_NHWC), ("nchw/to_nchw", _TO_NCHW)):
        made.node.add(name=name, op="Const").attr["dtype"].type = tf.int32.as_datatype_enum
        made.node[-1].attr["value"].tensor.CopyFrom(tf.make_tensor_proto(order, tf.int32))
    for node in graph.node:
        if "data_format" not in node.attr or node.attr["data_format"].s != b"NCHW":
            made.node.append(node)
            continue
        inner = tf.compat.v1.NodeDef()
        inner.CopyFrom(node)
        inner.name, inner.input[0] = f"{node.name}/nhwc", f"{node.name}/turned"
        inner.attr["data_format"].s = b"NHWC"
        for key in (key for key in _LISTS if key in node.attr and node.attr[key].list.i):
            values = list(node.attr[key].list.i)
            inner.attr[key].list.i[:] = [values[axis] for axis in _TO_NHWC]
        if pads := list(node.attr["explicit_paddings"].list.i) if "explicit_paddings" in node.attr else []:
            turned = [pads[2 * axis + side] for axis in _TO_NHWC for side in (0, 1)]
            inner.attr["explicit_paddings"].list.i[:] = turned
        kind = node.attr["T"].type
        _transpose(made, f"{node.name}/turned", node.input[0], "nchw/to_nhwc", kind)
        made.node.append(inner)
        _transpose(made, node.name, inner.name, "nchw/to_nchw", kind)
    return made


def _transpose(graph: tf.compat.v1.GraphDef, name: str, source: str, order: str, kind: int) -> None:
    node = graph.node.add(name=name, op="Transpose", input=[source, order])
    node.attr["T"].type, node.attr["Tperm"].type = kind, tf.int32.as_datatype_enum
