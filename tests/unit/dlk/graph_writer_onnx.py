"""ONNX by ``graph_writers``: quantizers of QONNX or pairs of QuantizeLinear and DequantizeLinear; NCHW or NHWC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
from foreign_onnx import QONNX, Export
from graph_writers import Conv, Ends, Made, Pair, Writer
from numpy.typing import NDArray

_NAMES = {"Add": "Add", "Sub": "Sub", "Mul": "Mul", "Div": "Div"}


class OnnxWriter(Writer):
    """Writes ONNX."""

    suffix = "onnx"

    def __init__(self, rng: Random, size: Pair) -> None:
        super().__init__(rng, size)
        self.nhwc, self.qdq = rng.random() < 0.2, rng.random() < 0.3
        batch = rng.choice((1, "batch"))
        self.opset = rng.choice((13, 16, 17, 18, 20, 21, 22))
        self.net = Export([batch, *size, 3] if self.nhwc else [batch, 3, *size], opset=self.opset)
        self.zero = self.net.store(0, dtype=np.uint8)
        self.half_up = not self.qdq and rng.random() < 0.5

    def op(self, op: str, *inputs: str, scope: str = "", outputs: int = 1, domain: str = "", **facts: Any) -> Any:
        """Add a node whose name has the scope."""
        name = f"/{scope or self.scope()}/{op}"
        if any(node.name == name for node in self.net.nodes):
            name = f"{name}_{len(self.net.nodes)}"
        self.net.node(op, *inputs, domain=domain, **facts)
        node = self.net.nodes[-1]
        node.name = name
        node.output[:] = [f"{name}_output_{index}" for index in range(outputs)]
        return list(node.output) if outputs > 1 else node.output[0]

    def nchw(self, made: Made, act: Callable[[Any], Any]) -> Any:
        """Act on NCHW, between two transposes where the graph is NHWC."""
        if not self.nhwc:
            return act(made.x)
        inner = act(self.op("Transpose", made.x, perm=[0, 3, 1, 2]))
        return self.op("Transpose", inner, perm=[0, 2, 3, 1])

    def by_channel(self, values: NDArray[Any], made: Made) -> str:
        """Store a constant that meets a tensor."""
        if made.rank == 4 and not self.nhwc and np.size(values) > 1:
            values = np.reshape(values, self.rng.choice([(-1, 1, 1), (1, -1, 1, 1)]))
        return self.net.store(values)

    def start(self) -> Made:
        return Made("input", (*self.size, 3), image=True)

    def weights(self, shape: tuple[int, ...], kind: str) -> str:
        """Store a kernel [O, I, kh, kw] or a matrix [O, I]."""
        net, values = self.net, self.draw_kernel(*shape, inputs=int(np.prod(shape[1:])))
        if kind == "float":
            return net.store(values)
        ones = [1] * (len(shape) - 1)
        scale = self.numbers.uniform(0.05, 0.2, (shape[0], *ones) if kind == "channel" else ())
        if self.qdq:
            signs = self.numbers.choice([-1, 0, 1] if kind == "ternary" else [-1, 1], shape)
            facts = {"axis": 0} if kind == "channel" else {}
            stored = net.store(signs, dtype=np.int8)
            return str(self.op("DequantizeLinear", stored, net.store(scale.reshape(-1) if facts else scale), **facts))
        if kind == "ternary":
            bits = (net.store(scale), net.store(0.0), net.store(2.0))
            return str(self.op("Quant", net.store(values), *bits, domain=QONNX, signed=1, narrow=1))
        return str(self.op("BipolarQuant", net.store(values), net.store(scale), domain=QONNX))

    def _conv(self, made: Made, conv: Conv, scope: str) -> Any:
        kernel = self.weights((conv.outputs, made.channels // conv.group, *conv.window), conv.weights)
        (top, bottom), (left, right) = conv.around(made.shape[:2])
        facts: dict[str, Any] = {"kernel_shape": list(conv.window), "strides": [conv.stride] * 2, "group": conv.group}
        if conv.pads is None and self.rng.random() < 0.3:
            facts["auto_pad"] = "SAME_UPPER"
        else:
            facts["pads"] = [top, left, bottom, right]
        bias = [self.net.store(self.numbers.normal(0, 0.2, conv.outputs))] if conv.bias else []
        return self.nchw(made, lambda x: self.op("Conv", x, kernel, *bias, scope=scope, **facts))

    def _matrix(self, made: Made, outputs: int, weights: str, scope: str) -> Any:
        inputs = int(np.prod(made.shape))
        kernel = self.weights((outputs, inputs), weights)
        bias = self.net.store(self.numbers.normal(size=outputs))
        if self.rng.random() < 0.5:
            return self.op("Gemm", made.x, kernel, bias, scope=scope, transB=1)
        turned = self.op("Transpose", kernel, scope=scope, perm=[1, 0])
        return self.op("Add", self.op("MatMul", made.x, turned, scope=scope), bias, scope=scope)

    def norm(self, made: Made) -> Made:
        vectors = [self.net.store(vector) for vector in self.vectors(made.channels)]
        epsilon = self.rng.choice((1e-5, 1e-3))
        return self.changed(
            made, self.nchw(made, lambda x: self.op("BatchNormalization", x, *vectors, epsilon=epsilon))
        )

    def quantize(self, made: Made, bits: int, top: float, name: str = "") -> Made:
        scope, n = self.scope(name), (1 << bits) - 1
        scale = np.float32(top / n)
        if self.qdq:
            stored = self.net.store(scale)
            ends = self.net.store(0.0), self.net.store(scale * n)
            x = self.op("Clip", made.x, *ends, scope=scope)
            x = self.op("QuantizeLinear", x, stored, self.zero, scope=scope)
            x = self.op("DequantizeLinear", x, stored, self.zero, scope=scope)
        else:
            x = self.op("Relu", made.x, scope=scope) if self.rng.random() < 0.7 else made.x
            facts = {"signed": 0, "narrow": 0, "rounding_mode": "HALF_UP" if self.half_up else "ROUND"}
            parts = (self.net.store(scale), self.net.store(0.0), self.net.store(float(bits)))
            x = self.op("Quant", x, *parts, scope=scope, domain=QONNX, **facts)
        return replace(made, x=x, codes=(bits, top), image=False)

    def constant(self, made: Made, op: str, *, each: bool) -> Made:
        values = self.numbers.uniform(0.5, 1.5, made.channels if each else ())
        return self.changed(made, self.op(_NAMES[op], made.x, self.by_channel(values, made)))

    def two(self, op: str, a: Made, b: Made) -> Made:
        return replace(self.changed(a, self.op(op, a.x, b.x)), work=a.work | b.work)

    def rectify(self, made: Made, kind: str) -> Made:
        if kind == "Relu":
            return self.changed(made, self.op("Relu", made.x))
        if kind == "LeakyRelu":
            return self.changed(made, self.op("LeakyRelu", made.x, alpha=self.rng.choice((0.01, 0.1, 0.25))))
        store, top = self.net.store, {"Relu6": 6.0}.get(kind, self.rng.choice((0.53, 1.77, 8.0)))
        low = store(0.23 if kind == "Min and Max" else 0.0)
        if kind == "Max":
            return self.changed(made, self.op(self.rng.choice(("Max", "Clip")), made.x, low))
        if self.rng.random() < 0.5:
            return self.changed(made, self.op("Clip", made.x, low, store(top)))
        return self.changed(made, self.op("Min", self.op("Max", made.x, low), store(top)))

    def pool(self, made: Made, window: Pair, stride: int, *, same: bool, mean: bool) -> Made:
        conv = Conv(0, window, stride, None if same else ((0, 0), (0, 0)))
        (top, bottom), (left, right) = conv.around(made.shape[:2])
        facts: dict[str, Any] = {"kernel_shape": list(window), "strides": [stride] * 2}
        facts["pads"] = [top, left, bottom, right]
        if mean:
            facts["count_include_pad"] = self.rng.choice((0, 1))
        x = self.nchw(made, lambda x: self.op("AveragePool" if mean else "MaxPool", x, **facts))
        return self.changed(made, x, (*conv.size(made.shape[:2]), made.channels), codes=not mean)

    def concat(self, parts: Sequence[Made]) -> Made:
        axis = 3 if self.nhwc else 1
        x = self.op("Concat", *(part.x for part in parts), axis=self.rng.choice((axis, axis - 4)))
        return self.joined(parts, x)

    def split(self, made: Made, sizes: Sequence[int]) -> list[Made]:
        axis = 3 if self.nhwc else 1
        if len(set(sizes)) == 1 and self.rng.random() < 0.6:
            facts = {"num_outputs": len(sizes)} if self.opset >= 18 else {}
            parts = self.op("Split", made.x, outputs=len(sizes), axis=axis, **facts)
        else:
            parts = self.op("Split", made.x, self.net.store(sizes, dtype=np.int64), outputs=len(sizes), axis=axis)
        return [
            self.changed(made, x, (*made.shape[:2], size), codes=True) for x, size in zip(parts, sizes, strict=True)
        ]

    def pad(self, made: Made, ends: Ends, channels: Pair = (0, 0)) -> Made:
        pairs = [(0, 0), *ends, channels] if self.nhwc else [(0, 0), channels, *ends]
        widths = self.net.store(np.array(pairs).T.reshape(-1), dtype=np.int64)
        x = self.op("Pad", made.x, widths, *([self.net.store(0.0)] if self.rng.random() < 0.5 else []))
        shape = tuple(n + sum(pair) for n, pair in zip(made.shape, (*ends, channels), strict=True))
        return self.changed(made, x, (shape[0], shape[1], shape[2]), codes=True)

    def deeper(self, made: Made, block: int) -> Made:
        h, w, c = made.shape
        x = self.nchw(made, lambda x: self.op("SpaceToDepth", x, blocksize=block))
        return self.changed(made, x, (h // block, w // block, c * block * block), codes=True)

    def wider(self, made: Made, block: int) -> Made:
        h, w, c = made.shape
        facts = self.rng.choice(({"mode": "DCR"}, {"mode": "CRD"}, {}))
        x = self.nchw(made, lambda x: self.op("DepthToSpace", x, blocksize=block, **facts))
        return self.changed(made, x, (h * block, w * block, c // (block * block)), codes=True)

    def enlarge(self, made: Made, factor: int) -> Made:
        h, w, c = made.shape
        facts = self.rng.choice(
            (
                {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
                {"coordinate_transformation_mode": "half_pixel"},
                {},
            )
        )
        sizes = [1, h * factor, w * factor, c] if self.nhwc else [1, c, h * factor, w * factor]
        if self.rng.random() < 0.5:
            scales = self.net.store([1, factor, factor, 1] if self.nhwc else [1, 1, factor, factor])
            x = self.op("Resize", made.x, "", scales, mode="nearest", **facts)
        else:
            x = self.op("Resize", made.x, "", "", self.net.store(sizes, dtype=np.int64), mode="nearest", **facts)
        return self.changed(made, x, (h * factor, w * factor, c), codes=True)

    def same(self, made: Made) -> Made:
        kind = self.rng.choice(("Identity", "Dropout", "Cast", "Transpose", "Unsqueeze", "Sum of one"))
        if kind == "Transpose" and made.rank == 4:
            x = self.op("Transpose", self.op("Transpose", made.x, perm=[0, 3, 1, 2]), perm=[0, 2, 3, 1])
        elif kind == "Cast":
            x = self.op("Cast", made.x, to=1)
        elif kind == "Unsqueeze" and made.rank == 2:
            axes = self.net.store([2], dtype=np.int64)
            x = self.op("Squeeze", self.op("Unsqueeze", made.x, axes), axes)
        elif kind == "Sum of one":
            x = self.op("Max", made.x)
        else:
            x = self.op("Dropout" if kind == "Dropout" else "Identity", made.x)
        return self.changed(made, x, codes=True)

    def mean(self, made: Made) -> Made:
        shape, kind = (1, 1, made.channels), self.rng.choice(("global", "mean", "pool"))
        if kind == "global":
            return self.changed(made, self.nchw(made, lambda x: self.op("GlobalAveragePool", x)), shape)
        if kind == "pool":
            return self.pool(made, made.shape[:2], self.rng.choice((1, max(made.shape[:2]))), same=False, mean=True)
        axes, keep = ([1, 2] if self.nhwc else [2, 3]), self.rng.choice((0, 1))
        if self.opset >= 18:
            x = self.op("ReduceMean", made.x, self.net.store(axes, dtype=np.int64), keepdims=keep)
        else:
            x = self.op("ReduceMean", made.x, axes=axes, keepdims=keep)
        return replace(self.changed(made, x, shape), rank=4 if keep else 2)

    def flat(self, made: Made) -> Made:
        size = int(np.prod(made.shape))
        kind = self.rng.choice(("flatten", "reshape", "squeeze", "computed"))
        if kind == "squeeze" and made.shape[:2] == (1, 1) and made.rank == 4:
            x = self.op("Squeeze", made.x, self.net.store([1, 2] if self.nhwc else [2, 3], dtype=np.int64))
        elif kind == "computed" and made.rank == 4:
            batch = self.op("Gather", self.op("Shape", made.x), self.net.store([0], dtype=np.int64), axis=0)
            shape = self.op("Concat", batch, self.net.store([size], dtype=np.int64), axis=0)
            x = self.op("Reshape", made.x, shape)
        elif kind == "reshape":
            wanted = self.rng.choice(([-1, size], [0, -1], [1, size]))
            x = self.op("Reshape", made.x, self.net.store(wanted, dtype=np.int64))
        else:
            x = self.op("Flatten", made.x, axis=1)
        return replace(made, x=x, rank=2)

    def softmax(self, made: Made) -> Made:
        axis = 1 if made.rank == 2 or not self.nhwc else 3
        if made.rank == 2:
            axes = self.net.store([2], dtype=np.int64)
            made = replace(made, x=self.op("Squeeze", self.op("Unsqueeze", made.x, axes), axes))
        return self.changed(made, self.op("Softmax", made.x, axis=axis))

    def file(self, made: Made) -> bytes:
        self.net.x = made.x
        return self.net.model(rank=made.rank).SerializeToString()
