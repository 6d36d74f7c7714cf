"""ONNX files as PyTorch and Brevitas write them, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"


class Export:
    """Nodes one after the other; each method continues ``x``."""

    def __init__(self, shape: Sequence[int | str], *, channels: int = 3, seed: int = 0, opset: int = 17) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []
        self.shape, self.opset = shape, opset
        self.x, self.channels = "input", channels

    def store(self, values: Any, name: str = "", dtype: type[np.generic] = np.float32) -> str:
        name = name or f"onnx::{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def node(self, op: str, *inputs: str, domain: str = "", **facts: Any) -> str:
        name = f"/{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [f"{name}_output_0"], name, domain=domain, **facts))
        return f"{name}_output_0"

    def then(self, op: str, *others: str, **facts: Any) -> None:
        self.x = self.node(op, self.x, *others, **facts)

    def kernel(self, *shape: int) -> NDArray[np.float32]:
        return (self.rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)

    def conv(
        self, outputs: int, k: int, weights: str = "", *, group: int = 1, bias: bool = False, **facts: Any
    ) -> None:
        weights = weights or self.store(self.kernel(outputs, self.channels // group, k, k))
        inputs = [weights, self.store(self.rng.normal(0, 0.2, outputs))] if bias else [weights]
        self.then("Conv", *inputs, kernel_shape=[k, k], pads=[k // 2] * 4, group=group, **facts)
        self.channels = outputs

    def norm(self) -> None:
        c, rng = self.channels, self.rng
        gamma = rng.uniform(0.5, 1.5, c) * rng.choice([-1, 1, 1, 1], c)
        vectors = (gamma, rng.uniform(0.2, 1.2, c), rng.normal(0, 0.3, c), rng.uniform(0.3, 1.5, c))
        self.then("BatchNormalization", *map(self.store, vectors), epsilon=1e-5)

    def bipolar(self, outputs: int, k: int, *, group: int = 1) -> str:
        """Brevitas' binary weights."""
        values = self.store(self.kernel(outputs, self.channels // group, k, k))
        scale = self.store(self.rng.uniform(0.05, 0.2, (outputs, 1, 1, 1)))
        return self.node("BipolarQuant", values, scale, domain=QONNX)

    def quant(self, x: str, scale: Any, bits: int, *, signed: int, narrow: int = 0) -> str:
        """QONNX's Quant."""
        arguments = (self.store(scale), self.store(0.0), self.store(float(bits)))
        return self.node("Quant", x, *arguments, domain=QONNX, signed=signed, narrow=narrow, rounding_mode="ROUND")

    def activation(self, bits: int = 2, scale: float = 0.61) -> None:
        self.then("Relu")
        self.x = self.quant(self.x, scale, bits, signed=0)

    def model(self, *, rank: int = 2) -> onnx.ModelProto:
        ends = [
            helper.make_tensor_value_info("input", TensorProto.FLOAT, self.shape),
            helper.make_tensor_value_info(self.x, TensorProto.FLOAT, [None] * rank),
        ]
        graph = helper.make_graph(self.nodes, "main_graph", ends[:1], ends[1:], self.stored)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(QONNX, 1)]
        return helper.make_model(graph, opset_imports=opsets, producer_name="pytorch", ir_version=10)


def brevitas() -> onnx.ModelProto:
    """Binary and ternary weights, 2- and 4-bit activations, a depth-wise convolution, a residual sum, NCHW."""
    net = Export(["batch", 3, 16, 16])
    net.conv(8, 3)
    net.norm()
    net.activation()
    net.conv(16, 3, net.bipolar(16, 3), strides=[2, 2])
    net.norm()
    net.activation()
    skip = net.x
    net.conv(16, 3, net.bipolar(16, 3, group=16), group=16)
    net.norm()
    net.activation(4, 0.13)
    ternary = net.quant(net.store(net.kernel(16, 16, 3, 3)), np.full((16, 1, 1, 1), 0.11), 2, signed=1, narrow=1)
    net.conv(16, 3, ternary)
    net.norm()
    net.then("Add", skip)
    net.activation()
    net.conv(10, 1, net.bipolar(10, 1), bias=True)
    net.then("GlobalAveragePool")
    net.then("Flatten", axis=1)
    net.then("Softmax", axis=1)
    return net.model()


def pytorch() -> onnx.ModelProto:
    """A float network as PyTorch exports one: NCHW, flattened before the last matrix."""
    net = Export([1, 3, 16, 16], opset=20)
    net.conv(8, 3, bias=True, strides=[2, 2])
    net.norm()
    net.then("Relu")
    net.then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    net.conv(8, 3, group=8)
    net.then("LeakyRelu", alpha=0.1)
    net.then("AveragePool", kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2], count_include_pad=1)
    net.then("Reshape", net.store([1, -1], dtype=np.int64))
    weights = net.store(net.kernel(5, 8 * 2 * 2))
    net.then("Gemm", weights, net.store(net.rng.normal(size=5)), transB=1)
    return net.model()


def channels_last() -> onnx.ModelProto:
    """Quantized, as tf2onnx and Keras write NHWC: transposes around what ONNX has in NCHW alone; QDQ for the codes."""
    net = Export([1, 16, 16, 3], opset=21)

    def nchw(act: Any) -> None:
        net.then("Transpose", perm=[0, 3, 1, 2])
        act()
        net.then("Transpose", perm=[0, 2, 3, 1])

    def codes() -> None:
        scale = net.store(0.5)
        net.then("Clip", net.store(0.0), net.store(1.5))
        net.then("QuantizeLinear", scale, zero)
        net.then("DequantizeLinear", scale, zero)

    zero = net.store(0, dtype=np.uint8)
    nchw(lambda: net.conv(8, 3))
    net.then("Add", net.store(net.rng.normal(0.4, 0.3, 8)))
    codes()
    signs = net.store(net.rng.choice([-1, 1], (8, 8, 3, 3)), dtype=np.int8)
    weights = net.node("DequantizeLinear", signs, net.store(net.rng.uniform(0.1, 0.2, 8)), axis=0)
    nchw(lambda: net.conv(8, 3, weights))
    net.then("Mul", net.store(net.rng.uniform(0.5, 1.5, (1, 1, 1, 8))))
    net.then("Add", net.store(net.rng.normal(0.4, 0.3, 8)))
    codes()
    nchw(
        lambda: net.conv(
            5,
            1,
            net.node(
                "DequantizeLinear", net.store(net.rng.choice([-1, 0, 1], (5, 8, 1, 1)), dtype=np.int8), net.store(0.3)
            ),
        )
    )
    return net.model(rank=4)
