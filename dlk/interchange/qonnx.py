"""QONNX: quantizers as nodes ``Quant`` and ``BipolarQuant``, as Brevitas writes and FINN and hls4ml read them.

Pappalardo et al., "QONNX: Representing Arbitrary-Precision Quantized Neural Networks", 2022;
https://github.com/fastmachinelearning/qonnx
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from dlk.frontends.qonnx import DOMAINS
from dlk.ir.semantics import mean_magnitude

DOMAIN = DOMAINS[0]
"""Of those that are read, the one that the project itself uses."""
VERSION = 1


class _Writer:
    """Puts QONNX nodes in the place of calls of our functions; every tensor keeps its name."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.constants = {tensor.name: tensor for tensor in graph.initializer}

    def constant(self, name: str, values: NDArray[np.floating] | float) -> str:
        self.constants[name] = numpy_helper.from_array(np.asarray(values, np.float32), name)
        return name

    def kernel(self, node: onnx.NodeProto, *, per_channel: bool) -> onnx.NodeProto:
        """Return ``BipolarQuant`` of the signs, +1 for 0, and the scale, one or [out,1,1,1]."""
        name = node.input[0]
        weights = numpy_helper.to_array(self.constants[name])
        parts = weights if per_channel else weights[np.newaxis]
        scale = np.array([mean_magnitude(part) for part in parts], np.float32)
        self.constant(name, np.where(weights >= 0, 1.0, -1.0))
        shape = (-1, 1, 1, 1) if per_channel else ()
        return _node("BipolarQuant", node, [name, self.constant(f"{name}_scale", scale.reshape(shape))])

    def activation(self, node: onnx.NodeProto) -> onnx.NodeProto:
        """Return ``Quant`` of unsigned codes whose largest is worth ``max_value``, rounding half up."""
        facts = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        step = facts["max_value"] / (2 ** facts["bits"] - 1)
        operands = {"step": step, "zero_point": 0, "bits": facts["bits"]}
        names = [self.constant(f"{node.name}/{name}", value) for name, value in operands.items()]
        return _node("Quant", node, [node.input[0], *names], signed=0, narrow=0, rounding_mode="HALF_UP")


_NODES: dict[str, Callable[[_Writer, onnx.NodeProto], onnx.NodeProto]] = {
    "BinaryMeanScalingQuantizer": lambda writer, node: writer.kernel(node, per_channel=False),
    "BinaryChannelWiseMeanScalingQuantizer": lambda writer, node: writer.kernel(node, per_channel=True),
    "LinearMidTreadHalfQuantizer": _Writer.activation,
}


def _node(op: str, replaced: onnx.NodeProto, inputs: list[str], **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, inputs, replaced.output, name=replaced.name, domain=DOMAIN, **attributes)


def rewrite(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with QONNX nodes in the place of our quantizers, and the shape of every tensor."""
    shaped = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    writer = _Writer(shaped.graph)
    nodes = [_NODES[node.op_type](writer, node) if node.domain else node for node in shaped.graph.node]
    graph = helper.make_graph(
        nodes,
        shaped.graph.name,
        shaped.graph.input,
        shaped.graph.output,
        list(writer.constants.values()),
        value_info=shaped.graph.value_info,
    )
    standard = [item for item in model.opset_import if not item.domain]
    written = helper.make_model(
        graph,
        opset_imports=[*standard, helper.make_opsetid(DOMAIN, VERSION)],
        producer_name=model.producer_name,
        ir_version=model.ir_version,
    )
    written.metadata_props.extend(model.metadata_props)
    onnx.checker.check_model(written)
    return written


class Runner:
    """A file in the package ``qonnx``, which computes node by node and keeps every tensor.

    Args:
        path: of the file.
        tensors: names of the tensors to return.
    """

    def __init__(self, path: Path, tensors: Sequence[str]) -> None:
        from qonnx.core.modelwrapper import ModelWrapper

        self._model = ModelWrapper(str(path))
        self._tensors = tensors

    def __call__(self, values: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the tensors by name for the input float32 [1,H,W,3]."""
        from qonnx.core.onnx_exec import execute_onnx

        found = execute_onnx(self._model, {self._model.graph.input[0].name: values}, return_full_exec_context=True)
        return {name: found[name] for name in self._tensors}
