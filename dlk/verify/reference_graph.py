"""Read an exported model.onnx into the plain nodes that the reference executes, without any rewrite of the converter.

Transposes at the ends are left out, kernels are turned to HWIO, and a convolution is read together with its
normalisation and quantizer; nothing else is changed. Only what the output depends on is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from dlk.errors import DlkError
from dlk.verify.reference_floats import Mean, Pointwise, Softmax
from dlk.verify.reference_ops import Concat, Move, Pad, Pool, Split, Window

_SCALES = {"BinaryMeanScalingQuantizer": "tensor", "BinaryChannelWiseMeanScalingQuantizer": "channel"}
_KERNEL = "BinaryKernel"
_PERMUTATIONS = ([0, 3, 1, 2], [0, 2, 3, 1])
_CHANNELS = (1, -3)  # the axis, in NCHW
_QUANTIZER = "LinearMidTreadHalfQuantizer"


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
class Layer:
    """A convolution with what follows it. scaling: '' (float kernel), 'tensor' or 'channel' (binary).

    kernel: float32 [kh, kw, in, out] as stored; gamma, beta, mean, variance: float64 [out]. group: of how many parts of
    the channels each is convolved by itself. scale: float64 [out], where the kernel holds -1, 0 and +1 alone.
    """

    kernel: NDArray[np.float32]
    window: Window
    scaling: str
    gamma: NDArray[np.float64]
    beta: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    epsilon: float
    quantizer: Quantizer | None
    group: int = 1
    scale: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Norm:
    """A normalisation of floats that no convolution has made, with its quantizer; float64 [c] each."""

    gamma: NDArray[np.float64]
    beta: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    epsilon: float
    quantizer: Quantizer | None


@dataclass(frozen=True, slots=True)
class Node:
    """One thing to do: its name, what it does, and the names of the values that it reads and makes."""

    name: str
    does: Layer | Norm | Move | Pool | Concat | Split | Pad | Pointwise | Mean | Softmax
    reads: tuple[str, ...]
    makes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in execution order, the names of the input's and the output's value, and the input's shape (h, w, c)."""

    nodes: tuple[Node, ...]
    input: str
    output: str
    input_shape: tuple[int, int, int]


def read_graph(model: onnx.ModelProto) -> Graph:
    """Return the nodes of the graph; ``DlkError`` where one is unknown or not as the export writes it."""
    try:
        return _Reader(model.graph).read()
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DlkError(
            f"the reference cannot read the graph: {error!r}",
            expected="a model.onnx as the export writes it",
            fix="export the checkpoint again",
        ) from error


def needed_for(nodes: Iterable[Node], values: Iterable[str], *, given: Iterable[str] = ()) -> tuple[Node, ...]:
    """Return, in order, those of the ``nodes`` that make ``values`` out of what is ``given``."""
    wanted, known = set(values), set(given)
    found = []
    for node in reversed(tuple(nodes)):
        if (wanted - known).intersection(node.makes):
            found.append(node)
            wanted.update(node.reads)
    return tuple(reversed(found))


class _Reader:
    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.makers = {value: node for node in graph.node for value in node.output}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for value in dict.fromkeys(node.input):
                self.readers.setdefault(value, []).append(node)
        self.same: dict[str, str] = {}  # what a transpose makes is what it reads: all is NHWC here

    def read(self) -> Graph:
        """Read node by node; what a layer is made of is read with its convolution."""
        source, result = self.graph.input[0], self.graph.output[0].name
        _, height, width, channels = (d.dim_value for d in source.type.tensor_type.shape.dim)
        nodes: list[Node] = []
        inner: set[str] = set()
        for node in self.graph.node:
            if node.name in inner or node.op_type in (*_SCALES, _KERNEL):
                continue
            if node.op_type == "Transpose":
                self._need(_attributes(node)["perm"] in _PERMUTATIONS, node)
                self.same[node.output[0]] = self._value(node.input[0])
            elif node.op_type == "Conv":
                layer, parts = self._layer(node)
                inner.update(part.name for part in parts)
                nodes.append(Node(_name(node), layer, (self._value(node.input[0]),), (parts[-1].output[0],)))
            elif node.op_type == "BatchNormalization":
                facts, parts = self._norm(node)
                inner.update(part.name for part in parts)
                nodes.append(Node(_name(node), Norm(**facts), (self._value(node.input[0]),), (parts[-1].output[0],)))
            else:
                self._need(node.op_type in _OTHERS, node)
                does, reads = _OTHERS[node.op_type](self, node)
                values = tuple(self._value(value) for value in reads)
                nodes.append(Node(_name(node), does, values, tuple(node.output)))
        output = self._value(result)
        return Graph(needed_for(nodes, [output]), source.name, output, (height, width, channels))

    def _value(self, name: str) -> str:
        return self.same.get(name, name)

    def _layer(self, conv: onnx.NodeProto) -> tuple[Layer, list[onnx.NodeProto]]:
        """Read a convolution and what follows it; return the layer and the nodes that it covers."""
        attributes = _attributes(conv)
        self._need(len(conv.input) == 2, conv)
        kernel, scaling, scale = self._kernel(conv)
        self._need(tuple(attributes["kernel_shape"]) == kernel.shape[:2], conv)
        norm = self._next(conv.output[0])
        self._need(norm.op_type == "BatchNormalization" and norm.input[0] == conv.output[0], norm)
        facts, parts = self._norm(norm)
        group = attributes.get("group", 1)
        self._need(group >= 1 and kernel.shape[3] % group == 0, conv)
        window = self._window(conv)
        return Layer(kernel=kernel, window=window, scaling=scaling, group=group, scale=scale, **facts), parts

    def _norm(self, norm: onnx.NodeProto) -> tuple[dict[str, Any], list[onnx.NodeProto]]:
        """Read a normalisation and its quantizer; return what Layer and Norm share, and the nodes."""
        gamma, beta, mean, variance = (self._constant(name).astype(np.float64) for name in norm.input[1:])
        parts, quantizer = [norm], None
        if any(reader.op_type == _QUANTIZER for reader in self.readers.get(norm.output[0], [])):
            parts.append(self._next(norm.output[0]))
            quantizer = Quantizer(**_attributes(parts[-1]))
        facts = {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance, "quantizer": quantizer}
        return {**facts, "epsilon": _attributes(norm)["epsilon"]}, parts

    def _kernel(self, conv: onnx.NodeProto) -> tuple[NDArray[np.float32], str, NDArray[np.float64] | None]:
        name, scaling, scale = conv.input[1], "", None
        if name in self.makers and self.makers[name].op_type == _KERNEL:
            name, scales = self.makers[name].input
            scale = self._stored(scales).astype(np.float64).reshape(-1)
        elif name in self.makers:
            quantizer = self.makers[name]
            self._need(quantizer.op_type in _SCALES, quantizer)
            name, scaling = quantizer.input[0], _SCALES[quantizer.op_type]
        return np.ascontiguousarray(self._constant(name).transpose(2, 3, 1, 0)), scaling, scale

    def _window(self, node: onnx.NodeProto) -> Window:
        attributes = _attributes(node)
        self._need(attributes.get("auto_pad", b"NOTSET") == b"NOTSET", node)
        self._need(all(k == 1 for k in attributes.get("dilations", [])), node)
        self._need(not attributes.get("ceil_mode") and not attributes.get("storage_order"), node)
        top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
        down, across = attributes.get("strides", [1, 1])
        rows, columns = attributes["kernel_shape"]
        return Window((rows, columns), (down, across), (top, bottom), (left, right))

    def _move(self, node: onnx.NodeProto) -> tuple[Move, list[str]]:
        self._need(_attributes(node).get("mode", b"DCR") == b"DCR", node)
        return Move(deeper=node.op_type == "SpaceToDepth", block=_attributes(node)["blocksize"]), list(node.input)

    def _pool(self, node: onnx.NodeProto) -> tuple[Pool, list[str]]:
        return Pool(self._window(node)), list(node.input)

    def _mean(self, node: onnx.NodeProto) -> tuple[Mean, list[str]]:
        return Mean(self._window(node), bool(_attributes(node).get("count_include_pad", 0))), list(node.input)

    def _pointwise(self, node: onnx.NodeProto) -> tuple[Pointwise, list[str]]:
        return Pointwise(node.op_type, float(_attributes(node).get("alpha", 0.0))), list(node.input)

    def _softmax(self, node: onnx.NodeProto) -> tuple[Softmax, list[str]]:
        self._need(_attributes(node)["axis"] in _CHANNELS, node)
        return Softmax(), list(node.input)

    def _concat(self, node: onnx.NodeProto) -> tuple[Concat, list[str]]:
        self._need(_attributes(node)["axis"] in _CHANNELS, node)
        return Concat(), list(node.input)

    def _split(self, node: onnx.NodeProto) -> tuple[Split, list[str]]:
        self._need(_attributes(node).get("axis", 0) in _CHANNELS, node)
        sizes = tuple(self._integers(node.input[1])) if len(node.input) > 1 else ()
        return Split(sizes, parts=len(node.output)), [node.input[0]]

    def _pad(self, node: onnx.NodeProto) -> tuple[Pad, list[str]]:
        self._need(_attributes(node).get("mode", b"constant") == b"constant" and len(node.input) < 4, node)
        self._need(len(node.input) < 3 or float(self._constant(node.input[2])) == 0, node)
        widths = np.reshape(self._integers(node.input[1]), (2, 4)).T.tolist()
        self._need(widths[0] == [0, 0] and min(map(min, widths)) >= 0, node)
        channels, rows, columns = (tuple(pair) for pair in widths[1:])
        return Pad(rows, columns, channels), [node.input[0]]

    def _constant(self, name: str) -> NDArray[np.float32]:
        return np.asarray(self._stored(name), dtype=np.float32)

    def _integers(self, name: str) -> list[int]:
        return [int(number) for number in self._stored(name)]

    def _stored(self, name: str) -> NDArray[Any]:
        if name not in self.constants:
            raise DlkError("the reference needs a constant", where=name, fix="export the checkpoint again")
        return np.asarray(numpy_helper.to_array(self.constants[name]))

    def _next(self, value: str) -> onnx.NodeProto:
        readers = self.readers.get(value, [])
        if len(readers) != 1:
            raise DlkError(
                "a value inside a layer is not read by the layer alone",
                where=value,
                expected="one reader",
                received=str(len(readers)),
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


_OTHERS: dict[str, Callable[[_Reader, onnx.NodeProto], tuple[Any, list[str]]]] = {
    "SpaceToDepth": _Reader._move,
    "DepthToSpace": _Reader._move,
    "MaxPool": _Reader._pool,
    "AveragePool": _Reader._mean,
    "Softmax": _Reader._softmax,
    **dict.fromkeys(("Add", "Sub", "Mul", "Max", "Min", "Relu", "LeakyRelu"), _Reader._pointwise),
    "Concat": _Reader._concat,
    "Split": _Reader._split,
    "Pad": _Reader._pad,
}


def _name(node: onnx.NodeProto) -> str:
    """Return the layer of a node; said here again, for nothing of the converter may lead the reference."""
    return node.name.partition("/")[0]


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
