"""Write a graph in the contract of the export: NCHW between two transposes, quantizers as functions, layers by name.

What every frontend for foreign graphs fills; ``dlk.frontends.onnx.load`` and the reference read the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from dlk.frontends.functions import body
from dlk.frontends.rules import MAX_BITS, Rule
from dlk.frontends.values import NHWC, Doubles, Norm, Value, need
from dlk.ir.codes import CodeType
from dlk.ir.ops import DOMAIN, EXPORT_DOMAIN, OPSET

INPUT, OUTPUT = "images_placeholder", "output"
_IR_VERSION = 10
_TINY = float(np.finfo(np.float32).tiny)
_RESERVED = {INPUT, OUTPUT, "input", "to_nchw", "to_nhwc"}
_FUNCTION_DOMAINS = (DOMAIN, EXPORT_DOMAIN)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Weights float32 OIHW. scaling: '' for floats, 'tensor' or 'channel' for one scale of the binarised kernel.

    signs (int8 OIHW) and scale (float64 [O, 1, 1, 1]): what the kernel is made of, instead, where they are given.
    """

    values: NDArray[np.float32]
    scaling: str = ""
    signs: NDArray[np.int8] | None = None
    scale: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Tap:
    """Where a layer's codes are seen in the foreign graph: the tensor, its axes, and the layer's channels in it."""

    layer: str
    tensor: str
    axes: tuple[int, ...]
    channels: slice
    kind: CodeType

    def nhwc(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the layer's part of the tensor's values, [N, H, W, C]."""
        return to_nhwc(values, self.axes)[..., self.channels]

    def codes(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the codes uint8 [N, H, W, C] of the tensor's values."""
        return self.kind.codes(self.nhwc(values))


def to_nhwc(values: NDArray[Any], axes: Sequence[int]) -> NDArray[Any]:
    """Return a foreign tensor, whose axis i is our axis ``axes[i]`` of NCHW, as [N, H, W, C]; an absent axis has 1."""
    order = [axes.index(axis) for axis in NHWC if axis in axes]
    turned = values.transpose(order)
    for place, axis in enumerate(NHWC):
        if axis not in axes:
            turned = np.expand_dims(turned, place)
    return turned


@dataclass(slots=True)
class Contract:
    """A graph as it grows. ``notes``: what a person should know of the conversion, one sentence each."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    functions: dict[tuple[str, str], onnx.FunctionProto] = field(default_factory=dict)
    taps: list[Tap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=lambda: set(_RESERVED))

    def layer(self, wanted: str) -> str:
        """Return a name for a layer, made of a foreign node's name: nobody else's, and without a slash."""
        plain = wanted.strip("/").replace("/", ".").replace(":", ".") or "layer"
        name, number = plain, 1
        while name in self.names:
            number += 1
            name = f"{plain}_{number}"
        self.names.add(name)
        return name

    def node(self, op: str, name: str, *inputs: str, domain: str = "", outputs: int = 1, **attributes: Any) -> str:
        """Add a node and return the name of its first value; the others end in ``:1``, ``:2`` ..."""
        if domain in _FUNCTION_DOMAINS and (domain, op) not in self.functions:
            self.functions[domain, op] = body(domain, op)
        values = [f"{name}:{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), values, name=name, domain=domain, **attributes))
        return values[0]

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add an initializer."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def convolution(
        self, x: Value, kernel: Kernel, layer: str, *, strides: Sequence[int], pads: Sequence[int], group: int
    ) -> str:
        """Add a convolution of the layer, whose normalisation follows; pads: top, left, bottom, right."""
        if kernel.signs is not None and kernel.scale is not None:
            parts = (self.constant(f"{layer}/sign", kernel.signs), self.constant(f"{layer}/scale", kernel.scale))
            weights = self.node("BinaryKernel", f"{layer}/binary_kernel", *parts, domain=DOMAIN)
        else:
            weights = self.constant(f"{layer}/kernel", kernel.values.astype(np.float32))
            if kernel.scaling:
                middle = "ChannelWise" if kernel.scaling == "channel" else ""
                quantizer = f"Binary{middle}MeanScalingQuantizer"
                weights = self.node(quantizer, f"{layer}/weight_quantizer", weights, domain=EXPORT_DOMAIN)
        window: dict[str, Any] = {
            "kernel_shape": list(kernel.values.shape[2:]),
            "strides": list(strides),
            "pads": list(pads),
        }
        if group != 1:
            window["group"] = group
        return self.node("Conv", f"{layer}/conv", self.finish(x), weights, **window)

    def finish(self, value: Value) -> str:
        """Return the name of a value with everything applied that is still to do."""
        if value.finished:
            return value.finished
        name = value.name
        if value.parts:
            name = self.node("Concat", value.layer, *(self.finish(part) for part in value.parts), axis=1)
        if value.norm is not None:
            name = self._normalised(name, value.norm, value.layer)
        if value.relu:
            name = self.node("Relu", self.layer(value.relu), name)
        if value.limit:
            tops = np.full(value.channels, value.limit.top)
            name = self.bounded(name, tops, value.limit.name, below=False)
        value.finished = name
        return name

    def bounded(self, name: str, ends: Doubles, wanted: str, *, below: bool) -> str:
        """Return the larger (below) or the smaller of a value and of one number a channel, by a rectifier.

        wanted: the name of the foreign node.
        """
        slope = np.ones_like(ends) if below else -np.ones_like(ends)
        apart = self._normalised(name, Norm.linear(slope, -slope * ends), self.layer(f"{wanted}.from_end"))
        over = self.node("Relu", self.layer(f"{wanted}.over"), apart)
        return self._normalised(over, Norm.linear(slope, ends), self.layer(wanted))

    def quantize(self, value: Value, kind: CodeType, layer: str, *, alone: bool, tap: str) -> Value:
        """Return the codes of a value; what is still to do becomes a part of their layer where ``alone`` reads it.

        layer: a name for one of its own, else; tap: the foreign tensor where the codes are seen.
        """
        need(1 <= kind.bits <= MAX_BITS, f"bits {kind.bits}", Rule.BITS)
        need(_TINY <= kind.max_value < np.inf, f"max_value {kind.max_value}", Rule.MAX_VALUE)
        whole = slice(0, value.channels)
        return self._quantize(value, kind, layer, alone, tap, (whole, value.axes))

    def _quantize(
        self, value: Value, kind: CodeType, layer: str, alone: bool, tap: str, place: tuple[slice, tuple[int, ...]]
    ) -> Value:
        channels, axes = place
        if value.parts and alone:
            parts, first = [], channels.start
            for part in value.parts:
                at = slice(first, first + part.channels)
                parts.append(self._quantize(part, kind, layer, True, tap, (at, axes)))
                first = at.stop
            joined = self.node("Concat", value.layer, *(self.finish(part) for part in parts), axis=1)
            return Value(joined, value.shape, value.axes)
        # A quantizer takes what is below 0 for 0, so a rectifier before it does nothing; nor does a limit whose code is
        # the last one.
        n = kind.levels
        needless = value.limit is None or value.limit.top * n > (n - 0.5) * kind.max_value
        if value.norm is not None and alone and not value.finished and needless:
            name, norm, layer = value.name, value.norm, value.layer
        else:
            name, norm, layer = self.finish(value), Norm.identity(value.channels), self.layer(layer)
        normal = self._normalised(name, norm, layer)
        facts: dict[str, Any] = {"bits": kind.bits, "max_value": kind.max_value}
        codes = self.node(
            "LinearMidTreadHalfQuantizer", f"{layer}/activation_quantizer", normal, domain=EXPORT_DOMAIN, **facts
        )
        self.taps.append(Tap(layer, tap, axes, channels, kind))
        return Value(codes, value.shape, value.axes)

    def _normalised(self, name: str, norm: Norm, layer: str) -> str:
        vectors = {"gamma": norm.gamma, "beta": norm.beta, "mean": norm.mean, "variance": norm.variance}
        stored = [self.constant(f"{layer}/{key}", vector.astype(np.float32)) for key, vector in vectors.items()]
        return self.node("BatchNormalization", f"{layer}/batch_norm", name, *stored, epsilon=norm.epsilon)

    def begin(self, axes: tuple[int, ...], shape: tuple[int, int, int]) -> Value:
        """Add the transpose at the begin and return the input; shape: (C, H, W), axes: of the foreign tensor."""
        return Value(self.node("Transpose", "to_nchw", INPUT, perm=[0, 3, 1, 2]), shape, axes)

    def model(self, source: Value, result: Value, *, network: str, producer: str) -> onnx.ModelProto:
        """Return the whole model: the transpose at the end is added."""
        last = helper.make_node("Transpose", [self.finish(result)], [OUTPUT], name="to_nhwc", perm=[0, 2, 3, 1])
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *value.shape[1:], value.shape[0]])
            for name, value in ((INPUT, source), (OUTPUT, result))
        ]
        proto = helper.make_model(
            helper.make_graph([*self.nodes, last], network, ends[:1], ends[1:], self.constants),
            functions=list(self.functions.values()),
            opset_imports=[
                helper.make_opsetid("", OPSET),
                *(helper.make_opsetid(domain, 1) for domain in dict.fromkeys(domain for domain, _ in self.functions)),
            ],
            producer_name=producer,
            ir_version=_IR_VERSION,
        )
        helper.set_model_props(proto, {"blueoil.network": network})
        return proto
