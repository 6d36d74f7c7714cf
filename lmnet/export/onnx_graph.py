"""Write a Keras network as an ONNX graph that keeps the quantizers as functions: what ``dlk`` converts."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lmnet.errors import LmnetError
from lmnet.export.names import INPUT, OUTPUT
from lmnet.export.onnx_functions import DOMAIN, OPSET, function_of
from lmnet.export.walk import walk
from lmnet.layers import DepthToSpace, QuantizedActivation, QuantizedConv2D, SpaceToDepth
from lmnet.quantizers import Quantizer

IR_VERSION = 10


class _Graph:
    """Nodes and initializers as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.functions: dict[str, onnx.FunctionProto] = {}

    def node(self, op: str, name: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node, standard or of our domain, and return the name of its value."""
        domain = DOMAIN if op in self.functions else None
        value = output or f"{name}:0"
        self.nodes.append(helper.make_node(op, list(inputs), [value], name=name, domain=domain, **attributes))
        return value

    def quantizer(self, quantizer: Quantizer, name: str, x: str) -> str:
        """Add a call of a quantizer's function."""
        op = type(quantizer).__name__
        if op not in self.functions:
            self.functions[op] = function_of(op)
        return self.node(op, name, x, **quantizer.get_config())

    def constant(self, name: str, values: NDArray[np.float32]) -> str:
        """Add an initializer, float32."""
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name


def _block(layer: keras.layers.Layer) -> str:
    """Return the name of the block: conv1 for the layers conv1, conv1_bn and conv1_act."""
    return str(layer.name).removesuffix("_bn").removesuffix("_act")


def _convolution(graph: _Graph, layer: QuantizedConv2D, x: str) -> str:
    block = _block(layer)
    (kernel,) = layer.get_weights()
    weight = graph.constant(f"{block}/kernel", kernel.transpose(3, 2, 0, 1))
    if layer.kernel_quantizer is not None:
        weight = graph.quantizer(layer.kernel_quantizer, f"{block}/weight_quantizer", weight)
    (top, bottom), (left, right) = layer.pads
    return graph.node(
        "Conv",
        f"{block}/conv",
        x,
        weight,
        kernel_shape=list(layer.kernel_size),
        strides=[layer.strides] * 2,
        pads=[top, left, bottom, right],
    )


def _batch_norm(graph: _Graph, layer: keras.layers.BatchNormalization, x: str) -> str:
    block = _block(layer)
    weights = {
        "gamma": layer.gamma,
        "beta": layer.beta,
        "mean": layer.moving_mean,
        "variance": layer.moving_variance,
    }
    names = [graph.constant(f"{block}/{name}", np.asarray(weight)) for name, weight in weights.items()]
    return graph.node("BatchNormalization", f"{block}/batch_norm", x, *names, epsilon=float(layer.epsilon))


def _quantized_activation(graph: _Graph, layer: QuantizedActivation, x: str) -> str:
    return graph.quantizer(layer.quantizer, f"{_block(layer)}/activation_quantizer", x)


def _activation(graph: _Graph, layer: keras.layers.Activation, x: str) -> str:
    if layer.activation is not keras.activations.relu:
        raise _unknown(layer)
    return graph.node("Relu", f"{_block(layer)}/relu", x)


def _space_to_depth(graph: _Graph, layer: SpaceToDepth, x: str) -> str:
    return graph.node("SpaceToDepth", layer.name, x, blocksize=layer.block_size)


def _depth_to_space(graph: _Graph, layer: DepthToSpace, x: str) -> str:
    return graph.node("DepthToSpace", layer.name, x, blocksize=layer.block_size, mode="DCR")


def _concatenate(graph: _Graph, layer: keras.layers.Concatenate, *parts: str) -> str:
    if layer.axis not in (-1, 3):
        raise LmnetError(
            f"The layer {layer.name} cannot be exported: it joins something else than channels.",
            where=f"layer {layer.name}",
            expected="axis -1",
            received=f"axis {layer.axis}",
        )
    return graph.node("Concat", layer.name, *parts, axis=1)


EMITTERS: dict[type, Callable[..., str]] = {
    QuantizedConv2D: _convolution,
    keras.layers.BatchNormalization: _batch_norm,
    QuantizedActivation: _quantized_activation,
    keras.layers.Activation: _activation,
    SpaceToDepth: _space_to_depth,
    DepthToSpace: _depth_to_space,
    keras.layers.Concatenate: _concatenate,
}
"""Class of a layer -> ``(graph, layer, *inputs) -> output``: adds its node; inputs and output are names of values."""


def onnx_model(model: keras.Model) -> onnx.ModelProto:
    """Return the network as ONNX, opset 18: float32 [1,H,W,3] to float32 [1,H,W,C], computed in NCHW, batch 1.

    Raises:
        LmnetError: a layer has no ONNX form here, or is called in a way that has none; it is named.
    """
    graph = _Graph()
    values: dict[str | None, str] = {None: graph.node("Transpose", "to_nchw", INPUT, perm=[0, 3, 1, 2])}
    x = values[None]
    for call in walk(model):
        emit = EMITTERS.get(type(call.layer))
        if emit is None:
            raise _unknown(call.layer)
        x = values[call.layer.name] = emit(graph, call.layer, *(values[source] for source in call.sources))
    graph.node("Transpose", "to_nhwc", x, output=OUTPUT, perm=[0, 2, 3, 1])
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            str(model.name),
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, *model.input_shape[1:]])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, *model.output_shape[1:]])],
            graph.initializers,
        ),
        functions=list(graph.functions.values()),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)],
        producer_name="blueoil",
        ir_version=IR_VERSION,
    )
    helper.set_model_props(proto, {"blueoil.version": _version(), "blueoil.network": str(model.name)})
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _version() -> str:
    try:
        return metadata.version("blueoil")
    except metadata.PackageNotFoundError:
        return "source"


def _unknown(layer: keras.layers.Layer) -> LmnetError:
    return LmnetError(
        f"The layer {layer.name} cannot be exported: it has no ONNX form here.",
        where=f"layer {layer.name}",
        expected=", ".join(sorted(kind.__name__ for kind in EMITTERS)),
        received=type(layer).__name__,
    )
