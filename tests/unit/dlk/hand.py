"""Graphs of three nodes, written by hand at any stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from graphs import EPSILON, FUNCTIONS
from numpy.typing import NDArray

from dlk.ir.check import check
from dlk.ir.codes import CodeType
from dlk.ir.edit import constant, retype, tidy
from dlk.ir.ops import OPS


class Hand:
    """A graph written node by node, at any stage: typed by the rules of the ops."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.x = ir.Value(name="images_placeholder", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape([1, *shape]))
        self.graph = ir.Graph([self.x], [], nodes=[], opset_imports={"": 18, "dlk": 1, "blueoil": 1}, name="hand-built")

    def constant(self, name: str, values: NDArray) -> ir.Value:
        return constant(self.graph, name, values)

    def node(
        self, op: str, inputs: Sequence[ir.Value], name: str, output: str = "", **attributes: int | float | list[int]
    ) -> ir.Value:
        """Append a node of the op (``domain.Name``) and return its output.

        A convolution of ours has stride 1 and SAME padding unless told otherwise.
        """
        if op.startswith("dlk.") and "Conv" in op:
            rows, columns = (int(size) for size in inputs[1].shape[:2])
            same = [rows // 2, columns // 2, (rows - 1) // 2, (columns - 1) // 2]
            attributes = {"strides": [1, 1], "pads": same, **attributes}
        (made,) = self.parts(op, inputs, name, 1, **attributes)
        made.name = output or made.name
        return made

    def parts(
        self, op: str, inputs: Sequence[ir.Value], name: str, count: int, **attributes: int | float | list[int]
    ) -> Sequence[ir.Value]:
        """Append a node of several outputs and return them."""
        node = ir.node(OPS[op].name, inputs, attributes, domain=OPS[op].domain, name=name, num_outputs=count)
        for index, value in enumerate(node.outputs):
            value.name = f"{name}:{index}"
        retype(node)
        self.graph.append(node)
        return node.outputs

    def norm(
        self, x: ir.Value, name: str = "conv1", op: str = "dlk.BatchNorm", epsilon: float = EPSILON, **vectors: NDArray
    ) -> ir.Value:
        """Append a batch normalisation with gamma, beta, mean and variance as given."""
        names = ("gamma", "beta", "mean", "variance")
        constants = [self.constant(f"{name}/{key}", np.asarray(vectors[key], np.float32)) for key in names]
        return self.node(op, [x, *constants], f"{name}/batch_norm", epsilon=epsilon)

    def dequantize(self, codes: ir.Value, name: str, bits: int = 2, max_value: float = 2.0) -> ir.Value:
        table = self.constant(f"{name}/values", CodeType(bits, max_value).values())
        return self.node("dlk.Dequantize", [codes, table], f"{name}/dequantize", bits=bits, max_value=max_value)

    def model(self, output: ir.Value) -> ir.Model:
        """Close the graph, which must keep the rules, and return it."""
        output.name = "output"
        self.graph.outputs.append(output)
        model = ir.Model(self.graph, ir_version=10)
        for proto in FUNCTIONS:
            function = ir.serde.deserialize_function(proto)
            model.functions[function.identifier()] = function
        tidy(model)
        check(model)
        return model
