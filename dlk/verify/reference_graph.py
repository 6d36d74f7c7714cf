"""Read an exported model.onnx into the plain layers that the reference executes, without any rewrite of the converter.

The graph is one chain between two transposes; kernels are turned to HWIO and nothing else is changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from dlk.errors import DlkError

_SCALES = {"BinaryMeanScalingQuantizer": "tensor", "BinaryChannelWiseMeanScalingQuantizer": "channel"}
_PERMUTATIONS = ([0, 3, 1, 2], [0, 2, 3, 1])


@dataclass(frozen=True, slots=True)
class Quantizer:
    """A linear mid-tread half quantizer: codes 0..n, the largest worth ``max_value``."""

    bits: int
    max_value: float

    @property
    def n(self) -> int:
        """Return the largest code."""
        return 2**self.bits - 1


@dataclass(frozen=True, slots=True)
class Move:
    """A space-to-depth (``deeper``) or depth-to-space step."""

    name: str
    deeper: bool
    block: int


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution with what follows it. scaling: '' (float kernel), 'tensor' or 'channel' (binary).

    kernel: float32 [kh, kw, in, out] as stored; gamma, beta, mean, variance: float64 [out].
    moves: what stands between the layer before and this one.
    """

    name: str
    kernel: NDArray[np.float32]
    scaling: str
    gamma: NDArray[np.float64]
    beta: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    epsilon: float
    quantizer: Quantizer | None
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """The whole graph: layers in order, the moves behind the last one, and the input's shape (h, w, c)."""

    layers: tuple[Layer, ...]
    last_moves: tuple[Move, ...]
    input_shape: tuple[int, int, int]


def read_chain(model: onnx.ModelProto) -> Chain:
    """Return the layers of the graph; ``DlkError`` where it is not a chain of known nodes."""
    try:
        return _Reader(model.graph).read()
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DlkError(
            f"the reference cannot read the graph: {error!r}",
            expected="a model.onnx as the export writes it",
            fix="export the checkpoint again",
        ) from error


class _Reader:
    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.makers = {node.output[0]: node for node in graph.node}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            self.readers.setdefault(node.input[0], []).append(node)

    def read(self) -> Chain:
        """Follow the data from the input to the output."""
        source = self.graph.input[0]
        _, height, width, channels = (d.dim_value for d in source.type.tensor_type.shape.dim)
        value, layers, moves = source.name, [], []
        while value != self.graph.output[0].name:
            node = self._next(value)
            if node.op_type == "Transpose":
                self._need(_attributes(node)["perm"] in _PERMUTATIONS, node)
            elif node.op_type in ("SpaceToDepth", "DepthToSpace"):
                self._need(_attributes(node).get("mode", b"DCR") == b"DCR", node)
                block = _attributes(node)["blocksize"]
                moves.append(Move(node.name, deeper=node.op_type == "SpaceToDepth", block=block))
            else:
                layer, node = self._layer(node, tuple(moves))
                layers.append(layer)
                moves = []
            value = node.output[0]
        return Chain(tuple(layers), tuple(moves), (height, width, channels))

    def _layer(self, conv: onnx.NodeProto, moves: tuple[Move, ...]) -> tuple[Layer, onnx.NodeProto]:
        """Read a convolution and what follows it; return the layer and its last node."""
        self._need(conv.op_type == "Conv" and len(conv.input) == 2, conv)
        attributes = _attributes(conv)
        kernel, scaling = self._kernel(conv)
        window = kernel.shape[:2]
        self._need(attributes["pads"] == [k // 2 for k in window] * 2, conv)
        self._need(all(k == 1 for key in ("strides", "dilations") for k in attributes.get(key, [])), conv)
        self._need(attributes.get("group", 1) == 1, conv)
        norm = self._next(conv.output[0])
        self._need(norm.op_type == "BatchNormalization", norm)
        gamma, beta, mean, variance = (self._constant(name).astype(np.float64) for name in norm.input[1:])
        last, quantizer = norm, None
        follower = self.readers.get(norm.output[0], [])
        if len(follower) == 1 and follower[0].op_type == "LinearMidTreadHalfQuantizer":
            last = follower[0]
            quantizer = Quantizer(**_attributes(last))
        layer = Layer(
            name=conv.name.partition("/")[0],
            kernel=kernel,
            scaling=scaling,
            gamma=gamma,
            beta=beta,
            mean=mean,
            variance=variance,
            epsilon=_attributes(norm)["epsilon"],
            quantizer=quantizer,
            moves=moves,
        )
        return layer, last

    def _kernel(self, conv: onnx.NodeProto) -> tuple[NDArray[np.float32], str]:
        name, scaling = conv.input[1], ""
        if name in self.makers:
            quantizer = self.makers[name]
            self._need(quantizer.op_type in _SCALES, quantizer)
            name, scaling = quantizer.input[0], _SCALES[quantizer.op_type]
        return np.ascontiguousarray(self._constant(name).transpose(2, 3, 1, 0)), scaling

    def _constant(self, name: str) -> NDArray[np.float32]:
        if name not in self.constants:
            raise DlkError("the reference needs a constant", where=name, fix="export the checkpoint again")
        return np.asarray(numpy_helper.to_array(self.constants[name]), dtype=np.float32)

    def _next(self, value: str) -> onnx.NodeProto:
        readers = self.readers.get(value, [])
        if len(readers) != 1:
            raise DlkError(
                "the graph is not one chain of layers", where=value, expected="one reader", received=str(len(readers))
            )
        return readers[0]

    def _need(self, holds: bool, node: onnx.NodeProto) -> None:
        if not holds:
            raise DlkError(
                f"the reference cannot execute this {node.op_type}",
                where=node.name,
                expected="a node as the export writes it",
                fix="export the checkpoint again",
            )


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
