"""Graphs that must be refused: one that would convert, and in it one part that breaks a documented rule.

Each part says what the error must tell: the reason, and the rule. Its nodes are named ``odd``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
from foreign_onnx import QONNX
from graph_writer_onnx import OnnxWriter
from graph_writers import Conv, Made, Pair, Writer
from random_graphs import Drawer, Graph

from dlk.codegen.check_steps import MAX_KERNEL
from dlk.frontends.rules import Rule

if TYPE_CHECKING:
    from graph_writer_tensorflow import TensorflowWriter

_TABLE = "the table of operators in docs/graphs.md"
ODD = "odd"


@dataclass(frozen=True, slots=True)
class Part:
    """What is refused. op: the operator that the documentation must list, or, if unknown, must not."""

    name: str
    make: Callable[[Any, Made], Made]
    reason: str
    rule: str
    op: str = ""
    unknown: bool = False


def draw(make: Callable[[Random, Pair], Writer], seed: int, part: Part) -> Graph:
    """Return a graph with the part behind its first layers."""
    rng = Random(seed)  # noqa: S311 - no secrets here
    writer = make(rng, rng.choice(((8, 8), (8, 12))))
    drawer = Drawer(writer)
    drawer.kind = (2, 2.0)
    x = writer.quantize(writer.norm(writer.conv(writer.start(), Conv(8, weights="float"))), 2, 2.0)
    x = part.make(writer, x)
    drawer.made.append(writer.quantize(writer.norm(writer.conv(x, Conv(4, (1, 1)))), 2, 2.0))
    return Graph(writer.file(drawer.end()), writer.suffix, False)


def _odd(conv: Conv) -> Callable[[Any, Made], Made]:
    return lambda w, made: w.conv(made, conv, ODD)


def _tf(op: str, **facts: Any) -> Callable[[Any, Made], Made]:
    """Return what applies an operator of TensorFlow to one tensor; its name in ``facts``: x, features, input ..."""
    key = next(name for name, value in facts.items() if value is None)
    return lambda w, made: w.changed(made, w.op(op, ODD, **{**facts, key: made.x}))


def _onnx(op: str, *others: Any, **facts: Any) -> Callable[[Any, Made], Made]:
    def apply(w: OnnxWriter, made: Made) -> Made:
        stored = [w.net.store(np.asarray(other), dtype=np.asarray(other).dtype.type) for other in others]
        return w.changed(made, w.op(op, made.x, *stored, scope=ODD, **facts))

    return apply


def _other_codes(w: Writer, made: Made) -> Made:
    """Join codes of two widths."""
    other = w.quantize(w.norm(w.conv(made, Conv(4, (1, 1)))), 3, 2.0)
    name, w.scope = w.scope, lambda name="": ODD
    joined = w.concat([made, other])
    w.scope = name
    return joined


def _mostly_float(w: Writer, made: Made) -> Made:
    x = w.conv(made, Conv(32, (3, 3), weights="float"), ODD)
    return w.quantize(w.norm(x), 2, 2.0)


BOTH: tuple[Part, ...] = (
    Part("stride 3", _odd(Conv(4, stride=3)), "strides", Rule.STRIDES),
    Part("a large window", _odd(Conv(4, (33, 33))), "33x33", f"at most {MAX_KERNEL}x{MAX_KERNEL}"),
    Part("codes of 5 bits", lambda w, made: w.quantize(made, 5, 2.0, ODD), "5", "1 to 4 bits"),
    Part("codes of two widths", _other_codes, "joins codes of different meaning", Rule.JOINED_VALUES),
    Part("most of it in float", _mostly_float, "a float layer", Rule.FEW_FLOATS),
)


def _tensorflow_parts() -> tuple[Part, ...]:
    import tensorflow as tf

    def dilated(w: TensorflowWriter, made: Made) -> Made:
        kernel = w.stored(w.draw_kernel(3, 3, made.channels, 4, inputs=72), ODD, "kernel")
        facts = {"strides": [1] * 4, "padding": "SAME", "dilations": w.axes(2, 2, 1), **w.format}
        return w.changed(made, w.op("Conv2D", ODD, input=made.x, filter=kernel, **facts), (*made.shape[:2], 4))

    def strides_apart(w: TensorflowWriter, made: Made) -> Made:
        kernel = w.stored(w.draw_kernel(3, 3, made.channels, 4, inputs=72), ODD, "kernel")
        x = w.op("Conv2D", ODD, input=made.x, filter=kernel, strides=w.axes(2, 1, 1), padding="SAME", **w.format)
        return w.changed(made, x, (made.shape[0] // 2, made.shape[1], 4))

    def by_batch(w: TensorflowWriter, made: Made) -> Made:
        c = tf.ones([made.channels])
        facts = {"scale": c, "offset": c, "mean": tf.zeros([0]), "variance": tf.zeros([0])}
        x = w.op("FusedBatchNormV3", ODD, x=made.x, **facts, is_training=True, **w.format)[0]
        return w.changed(made, x)

    def mirrored(w: TensorflowWriter, made: Made) -> Made:
        x = w.op("MirrorPad", ODD, input=made.x, paddings=w.axes((1, 1), (1, 1), (0, 0)), mode="REFLECT")
        return w.changed(made, x, (made.shape[0] + 2, made.shape[1] + 2, made.channels))

    def pad_ones(w: TensorflowWriter, made: Made) -> Made:
        x = w.op("PadV2", ODD, input=made.x, paddings=w.axes((1, 1), (1, 1), (0, 0)), constant_values=tf.constant(1.0))
        return w.changed(made, x, (made.shape[0] + 2, made.shape[1] + 2, made.channels))

    def rows_joined(w: TensorflowWriter, made: Made) -> Made:
        x = w.op("ConcatV2", ODD, values=[made.x, made.x], axis=2 if w.nchw else 1)
        return w.changed(made, x, (2 * made.shape[0], *made.shape[1:]))

    def rows_split(w: TensorflowWriter, made: Made) -> Made:
        x = w.op("Split", ODD, value=made.x, axis=2 if w.nchw else 1, num_split=2)[0]
        return w.changed(made, x, (made.shape[0] // 2, *made.shape[1:]))

    def block_of_3(w: TensorflowWriter, made: Made) -> Made:
        padded = w.pad(made, ((0, -made.shape[0] % 3), (0, -made.shape[1] % 3)))
        x = w.op("SpaceToDepth", ODD, input=padded.x, block_size=3, **w.format)
        return w.changed(made, x, (padded.shape[0] // 3, padded.shape[1] // 3, 9 * made.channels))

    def quotient(w: TensorflowWriter, made: Made) -> Made:
        return w.changed(made, w.op("RealDiv", ODD, x=made.x, y=w.op("Add", x=made.x, y=tf.constant(1.0))))

    def map_added(w: TensorflowWriter, made: Made) -> Made:
        values = tf.constant(w.numbers.normal(size=[int(n) for n in made.x.shape[1:]]), tf.float32)
        return w.changed(made, w.op("AddV2", ODD, x=made.x, y=values))

    def mean_of_channels(w: TensorflowWriter, made: Made) -> Made:
        x = w.op("Mean", ODD, input=made.x, axis=1 if w.nchw else 3, keep_dims=True)
        return w.changed(made, x, (*made.shape[:2], 1))

    def int_cast(w: TensorflowWriter, made: Made) -> Made:
        whole = w.op("Cast", ODD, x=made.x, DstT=tf.int32)
        return w.changed(made, w.op("Cast", x=whole, DstT=tf.float32))

    def turned(w: TensorflowWriter, made: Made) -> Made:
        x = w.op("Reshape", ODD, tensor=made.x, shape=w.axes(made.shape[1], made.shape[0], made.channels, 1))
        return w.changed(made, x, (made.shape[1], made.shape[0], made.channels))

    unknown = {
        "Softplus": {"features": None},
        "Sigmoid": {"x": None},
        "Tanh": {"x": None},
        "Elu": {"features": None},
        "Exp": {"x": None},
        "Abs": {"x": None},
        "Neg": {"x": None},
        "LRN": {"input": None},
    }
    return (
        Part("dilation", dilated, "a dilated window", "windows have no dilation", "Conv2D"),
        Part("strides that differ", strides_apart, "strides", Rule.STRIDES, "Conv2D"),
        Part("statistics of a batch", by_batch, "by the batch", "statistics are constants", "FusedBatchNormV3"),
        Part("reflected", mirrored, "MirrorPad is not supported", _TABLE, "MirrorPad", unknown=True),
        Part("padded with ones", pad_ones, "pads with something else", "padding is 0", "PadV2"),
        Part("rows joined", rows_joined, "axis", "channels are joined, and nothing else", "ConcatV2"),
        Part("rows parted", rows_split, "axis", "channels are parted, and nothing else", "Split"),
        Part("blocks of 3", block_of_3, "blocks of 3", "blocks are of 2, 4, 8 ... pixels", "SpaceToDepth"),
        Part("a quotient", quotient, "a division by what is no constant", "x / constant", "RealDiv"),
        Part("a map added", map_added, "a constant of shape", "one number, or one for each channel", "AddV2"),
        Part("a mean of channels", mean_of_channels, "a mean over axes", "a mean is over rows and columns", "Mean"),
        Part("integers", int_cast, "a cast to", "floats of 32 bits", "Cast"),
        Part("rows for columns", turned, "a reshape from", "a reshape flattens", "Reshape"),
        *(
            Part(op, _tf(op, **facts), f"{op} is not supported", _TABLE, op, unknown=True)
            for op, facts in unknown.items()
        ),
    )


def _onnx_parts() -> tuple[Part, ...]:
    def conv(w: OnnxWriter, made: Made, **facts: Any) -> Made:
        kernel = w.net.store(w.draw_kernel(4, made.channels, 3, 3, inputs=72))
        wide, steps = 5 if "dilations" in facts else 3, facts.get("strides", [1, 1])
        rows, columns = ((n - wide) // step + 1 for n, step in zip(made.shape[:2], steps, strict=True))
        facts = {"kernel_shape": [3, 3], **facts}
        return w.changed(made, w.nchw(made, lambda x: w.op("Conv", x, kernel, scope=ODD, **facts)), (rows, columns, 4))

    def signed_codes(w: OnnxWriter, made: Made) -> Made:
        parts = [w.net.store(value) for value in (0.5, 0.0, 2.0)]
        return w.changed(made, w.op("Quant", made.x, *parts, scope=ODD, domain=QONNX, signed=1, narrow=0))

    def wide_weights(w: OnnxWriter, made: Made) -> Made:
        parts = [w.net.store(value) for value in (w.draw_kernel(4, made.channels, 1, 1, inputs=8), 0.05, 0.0, 4.0)]
        kernel = w.op("Quant", *parts, scope=ODD, domain=QONNX, signed=1, narrow=0)
        return w.changed(made, w.nchw(made, lambda x: w.op("Conv", x, kernel, scope=ODD)), (*made.shape[:2], 4))

    def zero_point(w: OnnxWriter, made: Made) -> Made:
        scale, zero = w.net.store(0.1), w.net.store(3, dtype=np.uint8)
        x = w.op("QuantizeLinear", made.x, scale, zero, scope=ODD)
        return w.changed(made, w.op("DequantizeLinear", x, scale, zero, scope=ODD))

    def ceiling(w: OnnxWriter, made: Made) -> Made:
        facts = {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}
        return w.changed(made, w.nchw(made, lambda x: w.op("MaxPool", x, scope=ODD, **facts)), (4, 4, made.channels))

    def resized(w: OnnxWriter, made: Made, factor: int, mode: str) -> Made:
        scales = w.net.store([1, factor, factor, 1] if w.nhwc else [1, 1, factor, factor])
        x = w.op("Resize", made.x, "", scales, scope=ODD, mode=mode)
        return w.changed(made, x, (factor * made.shape[0], factor * made.shape[1], made.channels))

    def softmax_of_rows(w: OnnxWriter, made: Made) -> Made:
        return w.changed(made, w.op("Softmax", made.x, scope=ODD, axis=1 if w.nhwc else 2))

    def trunc(w: OnnxWriter, made: Made) -> Made:
        parts = [w.net.store(value) for value in (0.5, 0.0, 4.0, 2.0)]
        return w.changed(made, w.op("Trunc", made.x, *parts, scope=ODD, domain=QONNX))

    def two_scales(w: OnnxWriter, made: Made) -> Made:
        scale = w.net.store(w.numbers.uniform(0.1, 0.2, (made.channels,) if w.nhwc else (1, made.channels, 1, 1)))
        parts = (scale, w.net.store(0.0), w.net.store(2.0))
        facts = {"signed": 0, "narrow": 0, "rounding_mode": "ROUND"}
        return w.changed(made, w.op("Quant", made.x, *parts, scope=ODD, domain=QONNX, **facts))

    unknown = ("Softplus", "Sigmoid", "Tanh", "Elu", "HardSwish", "Erf", "Abs", "InstanceNormalization", "PRelu")
    extra = {"InstanceNormalization": (np.ones(8, np.float32),) * 2, "PRelu": (np.float32(0.1),)}
    pool = {"kernel_shape": [2, 2], "strides": [3, 3]}
    return (
        Part("dilation", lambda w, x: conv(w, x, dilations=[2, 2]), "a dilated window", "no dilation", "Conv"),
        Part("a wide stride", lambda w, x: conv(w, x, strides=[4, 4]), "strides", Rule.STRIDES, "Conv"),
        Part("strides that differ", lambda w, x: conv(w, x, strides=[2, 1]), "strides", Rule.STRIDES, "Conv"),
        Part("signed codes", signed_codes, "signed activations of 2 bits", "unsigned codes", "qonnx.Quant"),
        Part("weights of 4 bits", wide_weights, "weights of 4 bits", "weights have 1 bit", "qonnx.Quant"),
        Part("a zero point", zero_point, "a zero point", "code 0 is worth 0", "DequantizeLinear"),
        Part("rounded up", ceiling, "ceil_mode", "a window stands where all of it fits", "MaxPool"),
        Part(
            "blurred",
            lambda w, x: resized(w, x, 2, "linear"),
            "another mode than nearest",
            "pixels are repeated",
            "Resize",
        ),
        Part(
            "three times as large",
            lambda w, x: resized(w, x, 3, "nearest"),
            "factors [3, 3]",
            "factors are 2, 4, 8 ...",
            "Resize",
        ),
        Part("shares of rows", softmax_of_rows, "axis", "a softmax is over the channels", "Softmax"),
        Part("Trunc", trunc, "qonnx.Trunc is not supported", _TABLE, "qonnx.Trunc", unknown=True),
        Part("a scale a channel", two_scales, "8 scales", "activations have one positive scale", "qonnx.Quant"),
        Part("a pool that jumps", _onnx_pool(pool), "strides", Rule.STRIDES, "MaxPool"),
        *(
            Part(op, _onnx(op, *extra.get(op, ())), f"{op} is not supported", _TABLE, op, unknown=True)
            for op in unknown
        ),
    )


def _onnx_pool(facts: dict[str, Any]) -> Callable[[Any, Made], Made]:
    def apply(w: OnnxWriter, made: Made) -> Made:
        size = [(n - 2) // 3 + 1 for n in made.shape[:2]]
        x = w.nchw(made, lambda x: w.op("MaxPool", x, scope=ODD, **facts))
        return w.changed(made, x, (size[0], size[1], made.channels))

    return apply


ONNX: tuple[Part, ...] = (*BOTH, *_onnx_parts())


def tensorflow_parts() -> tuple[Part, ...]:
    """Return those of GraphDefs; the import takes TensorFlow."""
    return (*BOTH, *_tensorflow_parts())
