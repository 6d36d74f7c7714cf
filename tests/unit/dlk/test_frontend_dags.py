"""What the frontend refuses of windows, pools and joins: by name, with the rule and a way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from dags import Dag, everything
from graphs import META, Layer, to_ir
from onnx import helper, numpy_helper

from dlk.errors import DlkError
from dlk.frontends.onnx import load
from dlk.lowering import lower
from dlk.lowering.program import Pad
from dlk.passes import run_passes


def conv(dag: Dag, x: str, name: str, **facts: object) -> str:
    return dag.conv(x, Layer(name, **{"filters": 4, **facts}))


def two(dag: Dag, **second: object) -> tuple[str, str]:
    """Two layers on one first layer."""
    x = conv(dag, dag.image, "conv1", weights="")
    return conv(dag, x, "conv2"), conv(dag, x, "conv3", **second)


def ended(dag: Dag, x: str) -> onnx.ModelProto:
    return dag.close(conv(dag, x, "last", bits=0))


def first_layer(**facts: object) -> onnx.ModelProto:
    dag = Dag()
    return ended(dag, conv(dag, dag.image, "conv1", weights="", **facts))


def quantized_layer(**facts: object) -> onnx.ModelProto:
    dag = Dag()
    x = conv(dag, dag.image, "conv1", weights="")
    return ended(dag, conv(dag, x, "conv2", **facts))


def large_sums() -> onnx.ModelProto:
    dag = Dag(bits=4)
    x = conv(dag, dag.image, "conv1", weights="")
    return ended(dag, conv(dag, x, "conv2", window=(600, 600), pads=[300] * 4, filters=1))


def joined(**second: object) -> onnx.ModelProto:
    dag = Dag()
    return ended(dag, dag.concat(two(dag, **second), "concat1"))


def joined_with_the_image() -> onnx.ModelProto:
    dag = Dag()
    return ended(dag, dag.concat([dag.image, *two(dag)], "concat1"))


def pooled_image() -> onnx.ModelProto:
    dag = Dag()
    return ended(dag, conv(dag, dag.pool(dag.image, "pool1"), "conv1", weights=""))


def padded_logits() -> onnx.ModelProto:
    dag = Dag()
    x = conv(dag, conv(dag, dag.image, "conv1", weights=""), "conv2", bits=0)
    return dag.close(dag.pad(x, "pad1", (1, 1), (0, 0), (0, 0)))


def pool(window: tuple[int, int], stride: int, pads: list[int]) -> onnx.ModelProto:
    dag = Dag()
    x = conv(dag, dag.image, "conv1", weights="")
    return ended(dag, dag.pool(x, "pool1", window, stride, pads))


def changed(name: str, **attributes: object) -> onnx.ModelProto:
    """The network with one of each, and one node with other attributes; None takes one away."""
    model = everything()
    node = next(n for n in model.graph.node if n.name == name)
    kept = [a for a in node.attribute if a.name not in attributes]
    del node.attribute[:]
    new = [helper.make_attribute(key, value) for key, value in attributes.items() if value is not None]
    node.attribute.extend([*kept, *new])
    return model


def refilled(name: str, values: object) -> onnx.ModelProto:
    """The network with one of each, and other integers in one constant."""
    model = everything()
    tensor = next(t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(np.array(values, np.int64), name))
    return model


def padded_with(value: float) -> onnx.ModelProto:
    model = everything()
    model.graph.initializer.append(numpy_helper.from_array(np.float32(value), "filling"))
    next(n for n in model.graph.node if n.name == "pad1").input.append("filling")
    return model


def two_quantizers() -> onnx.ModelProto:
    """The normalised values of conv2 are quantized, and joined as floats with others."""
    dag = Dag()
    left, right = two(dag)
    dag.shapes["conv2/batch_norm:0"] = dag.shapes[left]
    return ended(dag, dag.concat([left, right, "conv2/batch_norm:0"], "concat1"))


def normalised_codes() -> onnx.ModelProto:
    model = quantized_layer()
    node = next(n for n in model.graph.node if n.name == "conv2/batch_norm")
    node.input[0] = "conv1/activation_quantizer:0"
    return model


REFUSED: dict[str, Callable[[], onnx.ModelProto]] = {
    "conv1/conv: the window [3, 5]; an odd square window": lambda: first_layer(window=(3, 5)),
    "conv1/conv: the window [2, 2]; an odd square window": lambda: first_layer(k=2),
    "conv1/conv: pads [0, 0, 0, 0]; SAME padding, here [1, 1, 1, 1]": lambda: first_layer(k=3, pads=[0] * 4),
    "conv1/conv: strides [2, 2]; has stride 1": lambda: first_layer(k=3, stride=2),
    "conv2/conv: strides [3, 3]; by 1 or by 2": lambda: quantized_layer(k=3, stride=3),
    "conv4/conv: strides [1, 2]; same down": lambda: changed("conv4/conv", strides=[1, 2], pads=[0, 0, 0, 3]),
    "conv2/conv: sums may reach 2^24; below 2^24": large_sums,
    "concat1: joins codes of different meaning: conv2/activation_quantizer (bits 2, max_value 3.0), "
    "conv3/activation_quantizer (bits 2, max_value 1.5); one bit width and one max_value": lambda: joined(
        max_value=1.5
    ),
    "conv3/activation_quantizer (bits 1, max_value 3.0); one bit width": lambda: joined(bits=1, max_value=3.0),
    "concat1: Concat reads floats (images_placeholder); quantized activations": joined_with_the_image,
    "concat1: Concat reads floats (conv3/batch_norm:0); quantized activations": lambda: joined(bits=0),
    "conv2/batch_norm: is read by its quantizer and by others; conv, normalisation, quantizer": two_quantizers,
    "conv2/batch_norm: does not follow a convolution; conv, normalisation, quantizer": normalised_codes,
    "pool1: MaxPool reads floats (images_placeholder); quantized activations": pooled_image,
    "pad1: Pad reads floats (conv2/batch_norm:0); quantized activations": padded_logits,
    "pool1: pads [2, 2, 0, 0]; every window of a pool holds a pixel": lambda: pool((2, 2), 2, [2, 2, 0, 0]),
    "pool1: pads [0, 0, 3, 0]; pads are smaller than the window": lambda: pool((2, 2), 1, [0, 0, 3, 0]),
    "pool1: strides [3, 3]; by 1 or by 2": lambda: pool((3, 3), 3, [0] * 4),
    "pool1: dilations is (2, 2), only (1, 1) is taken; no dilation": lambda: changed("pool1", dilations=[2, 2]),
    "pool1: ceil_mode is 1, only 0 is taken; attributes": lambda: changed("pool1", ceil_mode=1),
    "pool1: storage_order is 1, only 0 is taken; attributes": lambda: changed("pool1", storage_order=1),
    "pool1: auto_pad is SAME_UPPER, only NOTSET is taken; attributes": lambda: changed("pool1", auto_pad="SAME_UPPER"),
    "axis 2 is not that of the channels; as the export": lambda: changed("concat1", axis=2),
    "split1: the attribute axis is missing; attributes": lambda: changed("split1", axis=None),
    "concat1: axis 3; axis 1": lambda: rotated("Concat"),
    "split1: axis 3; axis 1": lambda: rotated("Split"),
    "parts of [4, 5] are not 8 channels; as the export": lambda: refilled("split1/sizes", [4, 5]),
    "it has 2 outputs, the rule says 3; as the export": lambda: refilled("split1/sizes", [3, 3, 2]),
    "widen the batch; as the export": lambda: refilled("pad1/widths", [1, 2, 1, 0, 0, 1, 0, 1]),
    "are not 8 widths; as the export": lambda: refilled("pad1/widths", [0, -2, 1, 0, 0, 1, 0, 1]),
    "pad1: mode is reflect, only constant is taken; attributes": lambda: changed("pad1", mode="reflect"),
    "pad1: pads with 1.0; padding is 0": lambda: padded_with(1.0),
    "kernel_shape [5, 5] is not that of the kernel; as the export": lambda: changed("conv2/conv", kernel_shape=[5, 5]),
}


def rotated(op: str) -> onnx.ModelProto:
    """A node that would fit on NHWC values stands among NCHW ones."""
    dag = Dag((4, 4))
    x = conv(dag, dag.image, "conv1", weights="")
    x = dag.concat([x, x], "concat1") if op == "Concat" else dag.split(x, "split1", [2, 2])[0]
    dag.nodes[-1].attribute[0].i = 3
    height, width, channels = dag.shapes[x]
    dag.shapes[x] = (height, width * 2, channels // 2) if op == "Concat" else (height, width // 2, channels * 2)
    return ended(dag, x)


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_converted_is_told_with_its_rule(reason: str, tmp_path: Path) -> None:
    onnx.save(REFUSED[reason](), tmp_path / "m.onnx")
    with pytest.raises(DlkError) as caught:
        load(tmp_path / "m.onnx")
    what, rule = reason.split("; ")
    assert what in caught.value.what
    assert rule in str(caught.value.expected)
    assert caught.value.exit_code == 1
    assert caught.value.fix


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_padding_may_name_its_zero(zero: float, tmp_path: Path) -> None:
    program = lower(run_passes(to_ir(padded_with(zero), tmp_path)), META)
    assert [(step.name, type(step)) for step in program.steps].count(("pad1", Pad)) == 1
