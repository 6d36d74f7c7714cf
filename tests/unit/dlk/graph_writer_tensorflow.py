"""GraphDefs by ``graph_writers``: TensorFlow's own operators by name, quantizers as the original wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import tensorflow as tf
import v1_graphs
from graph_writers import Conv, Ends, Made, Pair, Writer

_TWO = {"Add": ("Add", "AddV2"), "Sub": ("Sub",), "Mul": ("Mul",), "Max": ("Maximum",), "Min": ("Minimum",)}
_CONSTANT = {"Add": ("Add", "AddV2", "BiasAdd"), "Sub": ("Sub",), "Mul": ("Mul",), "Div": ("RealDiv",)}
_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "")


class TensorflowWriter(Writer):
    """Writes GraphDefs."""

    suffix = "pb"

    def __init__(self, rng: Random, size: Pair) -> None:
        super().__init__(rng, size)
        self.nchw = rng.random() < 0.2
        self.net = v1_graphs.Net(
            size,
            names=rng.choice((v1_graphs.NEW, v1_graphs.OLD)),
            batch=rng.choice((None, 1)),
            nchw=self.nchw,
            sign=rng.choice((tf.sign, v1_graphs._plus_minus)),
        )
        self.channel_axis = 1 if self.nchw else 3
        self.net.__enter__()

    def op(self, op: str, scope: str = "", **facts: Any) -> Any:
        """Add a node of TensorFlow by the name of its operator."""
        return getattr(tf.raw_ops, op)(name=f"{scope or self.scope()}/{op}", **facts)

    def stored(self, values: Any, scope: str, name: str) -> Any:
        """Add a constant, mostly behind an Identity, as freezing leaves a variable."""
        made = tf.constant(np.asarray(values, np.float32), name=f"{scope}/{name}")
        return made if self.rng.random() < 0.2 else tf.identity(made, name=f"{scope}/{name}/read")

    def by_channel(self, values: Any, scope: str, name: str) -> Any:
        """Add a constant that meets a picture."""
        return self.stored(np.reshape(values, (-1, 1, 1)) if self.nchw else values, scope, name)

    def axes(self, rows: Any, columns: Any, other: Any, batch: Any = None) -> list[Any]:
        """Return a list with one entry an axis."""
        batch = other if batch is None else batch
        return [batch, other, rows, columns] if self.nchw else [batch, rows, columns, other]

    @property
    def format(self) -> dict[str, str]:
        return {"data_format": self.net.format}

    def start(self) -> Made:
        return Made(self.net.x, (*self.size, 3), image=True)

    def _conv(self, made: Made, conv: Conv, scope: str) -> Any:
        rows, columns = conv.window
        depthwise = conv.group == made.channels > 1
        inputs = made.channels // conv.group
        shape = (rows, columns, inputs, conv.outputs)
        if depthwise:
            shape = (rows, columns, made.channels, conv.outputs // made.channels)
        kernel = self.stored(self.draw_kernel(*shape, inputs=rows * columns * inputs), scope, "kernel")
        if conv.weights != "float":
            quantizer = self.net.per_channel if conv.weights == "channel" and shape[3] > 1 else self.net.per_tensor
            kernel = v1_graphs._shaped(quantizer(kernel), kernel)
        facts: dict[str, Any] = {"padding": "SAME"}
        if conv.pads is not None and not np.any(conv.pads):
            facts = {"padding": "VALID"}
        elif conv.pads is not None:
            (top, bottom), (left, right) = conv.pads
            pairs = self.axes([top, bottom], [left, right], [0, 0])
            facts = {"padding": "EXPLICIT", "explicit_paddings": [n for pair in pairs for n in pair]}
        op = "DepthwiseConv2dNative" if depthwise else "Conv2D"
        strides = self.axes(conv.stride, conv.stride, 1)
        x = self.op(op, scope, input=made.x, filter=kernel, strides=strides, **facts, **self.format)
        if conv.bias:
            bias = self.stored(self.numbers.normal(0, 0.2, conv.outputs), scope, "bias")
            x = self.op("BiasAdd", scope, value=x, bias=bias, **self.format)
        return x

    def _matrix(self, made: Made, outputs: int, weights: str, scope: str) -> Any:
        inputs = int(np.prod(made.shape))
        turned = self.rng.random() < 0.3
        shape = (outputs, inputs) if turned else (inputs, outputs)
        kernel = self.stored(self.draw_kernel(*shape, inputs=inputs), scope, "kernel")
        if weights != "float":
            kernel = v1_graphs._shaped(self.net.per_tensor(kernel), kernel)
        x = self.op("MatMul", scope, a=made.x, b=kernel, transpose_b=turned)
        return self.op("BiasAdd", scope, value=x, bias=self.stored(self.numbers.normal(size=outputs), scope, "bias"))

    def norm(self, made: Made) -> Made:
        gamma, beta, mean, variance = self.vectors(made.channels)
        op, scope = self.rng.choice(_NORMS), self.scope()
        epsilon = self.rng.choice((1e-3, 1e-5, 1e-4))
        if op:
            names = ("scale", "offset", "mean", "variance")
            parts = {
                name: self.stored(value, scope, name)
                for name, value in zip(names, (gamma, beta, mean, variance), strict=True)
            }
            x = self.op(op, scope, x=made.x, **parts, epsilon=epsilon, is_training=False, **self.format)[0]
            return self.changed(made, x)
        parts = {name: self.by_channel(value, scope, name) for name, value in (("v", variance), ("g", gamma))}
        slope = tf.raw_ops.Rsqrt(x=tf.raw_ops.Add(x=parts["v"], y=tf.constant(np.float32(epsilon))))
        slope = tf.raw_ops.Mul(x=slope, y=parts["g"])
        shift = tf.raw_ops.Mul(x=self.by_channel(mean, scope, "m"), y=slope)
        shift = tf.raw_ops.Sub(x=self.by_channel(beta, scope, "b"), y=shift)
        return self.changed(made, self.op("AddV2", scope, x=self.op("Mul", scope, x=made.x, y=slope), y=shift))

    def quantize(self, made: Made, bits: int, top: float, name: str = "") -> Made:
        scope = self.scope(name)
        width, largest = tf.constant(bits, name=f"{scope}/bit"), tf.constant(top, tf.float32, name=f"{scope}/max_value")
        x = v1_graphs._shaped(self.net.linear(made.x, width, largest, name=f"{scope}/QTZ"), made.x)
        return replace(made, x=x, codes=(bits, top), image=False)

    def constant(self, made: Made, op: str, *, each: bool) -> Made:
        scope = self.scope()
        values = self.numbers.uniform(0.5, 1.5, made.channels if each else ())
        name = self.rng.choice(_CONSTANT[op])
        if name == "BiasAdd":
            bias = self.stored(np.broadcast_to(values, (made.channels,)), scope, "bias")
            return self.changed(made, self.op("BiasAdd", scope, value=made.x, bias=bias, **self.format))
        return self.changed(made, self.op(name, scope, x=made.x, y=self.by_channel(values, scope, "constant")))

    def two(self, op: str, a: Made, b: Made) -> Made:
        x = self.op(self.rng.choice(_TWO[op]), x=a.x, y=b.x)
        return replace(self.changed(a, x), work=a.work | b.work)

    def rectify(self, made: Made, kind: str) -> Made:
        if kind == "Relu":
            return self.changed(made, self.op("Relu", features=made.x))
        if kind == "LeakyRelu":
            return self.changed(made, self.op("LeakyRelu", features=made.x, alpha=self.rng.choice((0.1, 0.2, 0.25))))
        if kind == "Relu6":
            return self.changed(made, self.op("Relu6", features=made.x))
        low = self.op("Maximum", x=made.x, y=tf.constant(0.23 if kind == "Min and Max" else 0.0))
        if kind == "Max":
            return self.changed(made, low)
        top = self.rng.choice((0.53, 1.77, 8.0))
        return self.changed(made, self.op("Minimum", x=low, y=tf.constant(top)))

    def pool(self, made: Made, window: Pair, stride: int, *, same: bool, mean: bool) -> Made:
        x = self.op(
            "AvgPool" if mean else "MaxPool",
            **{"value" if mean else "input": made.x},
            ksize=self.axes(*window, 1),
            strides=self.axes(stride, stride, 1),
            padding="SAME" if same else "VALID",
            **self.format,
        )
        size = Conv(0, window, stride, None if same else ((0, 0), (0, 0))).size(made.shape[:2])
        return self.changed(made, x, (*size, made.channels), codes=not mean)

    def concat(self, parts: Sequence[Made]) -> Made:
        axis = self.rng.choice((self.channel_axis, self.channel_axis - 4))
        x = self.op("ConcatV2", values=[part.x for part in parts], axis=axis)
        return self.joined(parts, x)

    def split(self, made: Made, sizes: Sequence[int]) -> list[Made]:
        if len(set(sizes)) == 1 and self.rng.random() < 0.6:
            parts = self.op("Split", axis=self.channel_axis, value=made.x, num_split=len(sizes))
        else:
            parts = self.op(
                "SplitV", value=made.x, size_splits=list(sizes), axis=self.channel_axis, num_split=len(sizes)
            )
        return [
            self.changed(made, x, (*made.shape[:2], size), codes=True) for x, size in zip(parts, sizes, strict=True)
        ]

    def pad(self, made: Made, ends: Ends, channels: Pair = (0, 0)) -> Made:
        pairs = self.axes(ends[0], ends[1], channels, (0, 0))
        if self.rng.random() < 0.5:
            x = self.op("Pad", input=made.x, paddings=pairs)
        else:
            x = self.op("PadV2", input=made.x, paddings=pairs, constant_values=tf.constant(0.0))
        shape = tuple(n + sum(pair) for n, pair in zip(made.shape, (*ends, channels), strict=True))
        return self.changed(made, x, (shape[0], shape[1], shape[2]), codes=True)

    def deeper(self, made: Made, block: int) -> Made:
        h, w, c = made.shape
        x = self.op("SpaceToDepth", input=made.x, block_size=block, **self.format)
        return self.changed(made, x, (h // block, w // block, c * block * block), codes=True)

    def wider(self, made: Made, block: int) -> Made:
        h, w, c = made.shape
        x = self.op("DepthToSpace", input=made.x, block_size=block, **self.format)
        return self.changed(made, x, (h * block, w * block, c // (block * block)), codes=True)

    def enlarge(self, made: Made, factor: int) -> Made:
        if self.nchw:
            return made
        h, w, c = made.shape
        x = self.op("ResizeNearestNeighbor", images=made.x, size=[h * factor, w * factor])
        return self.changed(made, x, (h * factor, w * factor, c), codes=True)

    def same(self, made: Made) -> Made:
        kind = self.rng.choice(("Identity", "StopGradient", "Cast", "Transpose", "PlaceholderWithDefault"))
        if kind == "Transpose" and made.rank == 4:
            there = [0, 2, 3, 1] if self.nchw else [0, 3, 1, 2]
            x = self.op("Transpose", x=made.x, perm=there)
            return self.changed(made, self.op("Transpose", x=x, perm=list(np.argsort(there))), codes=True)
        if kind == "Cast":
            return self.changed(made, self.op("Cast", x=made.x, DstT=tf.float32), codes=True)
        if kind == "PlaceholderWithDefault":
            one = self.op("PlaceholderWithDefault", input=tf.constant(1.0), shape=[])
            return self.changed(made, self.op("Mul", x=made.x, y=one))
        return self.changed(made, self.op("StopGradient" if kind == "StopGradient" else "Identity", input=made.x))

    def mean(self, made: Made) -> Made:
        shape = (1, 1, made.channels)
        if self.rng.random() < 0.5:
            return self.pool(made, made.shape[:2], self.rng.choice((1, max(made.shape[:2]))), same=False, mean=True)
        axes, keep = [2, 3] if self.nchw else [1, 2], self.rng.random() < 0.5
        x = self.op("Mean", input=made.x, axis=axes, keep_dims=keep)
        return replace(self.changed(made, x, shape), rank=4 if keep else 2)

    def flat(self, made: Made) -> Made:
        size = int(np.prod(made.shape))
        kind = self.rng.choice(("constant", "computed", "squeeze"))
        if kind == "squeeze" and made.shape[:2] == (1, 1) and made.rank == 4:
            x = self.op("Squeeze", input=made.x, axis=[2, 3] if self.nchw else [1, 2])
        elif kind == "computed" and made.rank == 4:
            scope = self.scope()
            shape = self.op("Shape", scope, input=made.x)
            batch = shape[0]
            x = self.op("Reshape", scope, tensor=made.x, shape=tf.stack([batch, size]))
        else:
            x = self.op("Reshape", tensor=made.x, shape=self.rng.choice(([-1, size], [1, size])))
        return replace(made, x=x, rank=2)

    def softmax(self, made: Made) -> Made:
        if self.nchw and made.rank == 4:
            return made
        return self.changed(made, self.op("Softmax", logits=made.x))

    def file(self, made: Made) -> bytes:
        tf.identity(made.x, name="output")
        self.net.__exit__(None, None, None)
        return bytes(self.net.graph.as_graph_def().SerializeToString())
