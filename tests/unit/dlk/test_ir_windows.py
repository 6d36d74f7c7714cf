"""Windows, joins and paddings of the IR: the rules of shapes against ONNX's own, the bodies against loops in numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from graphs import run_onnx
from hand import Hand
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from dlk.ir import shapes
from dlk.ir.check import BrokenGraphError, check

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
windows = st.tuples(st.integers(1, 5), st.integers(1, 5))
strides = st.integers(1, 3)
paddings = st.lists(st.integers(0, 3), min_size=4, max_size=4)


def onnx_shapes(op: str, inputs: Sequence[Sequence[int]], outputs: int = 1, **attributes: object) -> list[tuple]:
    """Return the shapes that ONNX's own inference finds; integers among the inputs are constants."""
    names = [f"x{i}" for i in range(len(inputs))]
    constants = [numpy_helper.from_array(x, n) for x, n in zip(inputs, names, strict=True) if isinstance(x, np.ndarray)]
    made = [f"y{i}" for i in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(op, names, made, **attributes)],
        "one",
        [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, x)
            for x, n in zip(inputs, names, strict=True)
            if not isinstance(x, np.ndarray)
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in made],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    found = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph.output
    return [tuple(d.dim_value for d in value.type.tensor_type.shape.dim) for value in found]


def fits(size: Sequence[int], window: Sequence[int], pads: Sequence[int]) -> bool:
    return all(size[a] + pads[a] + pads[a + 2] >= window[a] for a in (0, 1))


@settings(max_examples=200, deadline=None)
@given(sizes, windows, strides, strides, paddings)
def test_windows_stand_where_onnx_lets_them_stand(size, window, down, across, pads) -> None:
    facts = {"kernel_shape": list(window), "strides": [down, across], "pads": pads}
    if not fits(size, window, pads):
        with pytest.raises(ValueError, match="larger than the padded image"):
            shapes.conv_nchw([(1, 2, *size), (3, 2, *window)], facts)
        return
    assert [shapes.conv_nchw([(1, 2, *size), (3, 2, *window)], facts)] == onnx_shapes(
        "Conv", [(1, 2, *size), (3, 2, *window)], **facts
    )
    assert [shapes.pool_nchw([(1, 2, *size)], facts)] == onnx_shapes("MaxPool", [(1, 2, *size)], **facts)
    batch, outputs, *slid = shapes.conv_nchw([(1, 2, *size), (3, 2, *window)], facts)
    assert shapes.conv_nhwc([(1, *size, 2), (*window, 2, 3)], facts) == (batch, *slid, outputs)
    assert shapes.pool_nhwc([(1, *size, 2)], facts) == (1, *slid, 2)


@settings(max_examples=200, deadline=None)
@given(sizes, windows, strides, strides, paddings)
def test_touching_windows_by_counting(size, window, down, across, pads) -> None:
    assume(fits(size, window, pads))
    rows, columns = shapes.slide(size, window, {"strides": (down, across), "pads": pads})
    image = np.zeros((size[0] + pads[0] + pads[2], size[1] + pads[1] + pads[3]), bool)
    image[pads[0] : pads[0] + size[0], pads[1] : pads[1] + size[1]] = True
    under = [
        image[y * down : y * down + window[0], x * across : x * across + window[1]]
        for y, x in np.ndindex(rows, columns)
    ]
    assert shapes.touches(size, window, (down, across), pads) == all(part.any() for part in under)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.sampled_from([1, 3, -1, -3]))
def test_joined_channels_are_the_sum(channels: list[int], axis: int) -> None:
    operands = [(1, c, 4, 5) if axis in (1, -3) else (1, 4, 5, c) for c in channels]
    assert [shapes.concat(operands, {"axis": axis})] == onnx_shapes("Concat", operands, axis=axis)
    wrong = [*operands, (1, 3, 3, 3)]
    with pytest.raises(ValueError, match="differ on other axes"):
        shapes.concat(wrong, {"axis": axis})


@given(st.integers(1, 12), st.integers(1, 5), st.data())
def test_parts_are_those_of_onnx(channels: int, parts: int, data: st.DataObject) -> None:
    shape = (1, channels, 4, 5)
    last = channels - -(-channels // parts) * (parts - 1)
    if last >= 1:
        expected = onnx_shapes("Split", [shape], parts, axis=1, num_outputs=parts)
        assert shapes.split([shape], {"axis": 1, "num_outputs": parts}) == expected
    else:
        with pytest.raises(ValueError, match="are not"):
            shapes.split([shape], {"axis": 1, "num_outputs": parts})
    cut = data.draw(st.integers(1, channels))
    sizes = [cut, channels - cut] if cut < channels else [cut]
    expected = onnx_shapes("Split", [shape, np.array(sizes)], len(sizes), axis=1)
    assert shapes.split([shape, (2,)], {"axis": 1, "split": tuple(sizes)}) == expected


@given(st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_padded_shapes_are_those_of_onnx(widths: list[int]) -> None:
    pads = [0, *widths[:3], 0, *widths[3:]]
    assert [shapes.pad([(1, 2, 3, 4)], {"pads": pads})] == onnx_shapes("Pad", [(1, 2, 3, 4), np.array(pads)])


@pytest.mark.parametrize(
    ("rule", "facts", "reason"),
    [
        (shapes.split, {"axis": 1}, "not either sizes or a number"),
        (shapes.split, {"axis": 1, "split": (1, 1), "num_outputs": 2}, "not either sizes or a number"),
        (shapes.split, {"axis": 1, "num_outputs": 0}, "0 parts"),
        (shapes.split, {"axis": 1, "split": (4, -2)}, "are not 2 channels"),
        (shapes.concat, {"axis": 0}, "axis 0"),
        (shapes.pad, {"pads": (0,) * 6}, "not 8 widths"),
        (shapes.pad, {"pads": (0, 0, 0, 0, 1, 0, 0, 0)}, "widen the batch"),
        (shapes.pad, {"pads": (0, -1, 0, 0, 0, 0, 0, 0)}, "not 8 widths"),
        (shapes.pool_nchw, {"kernel_shape": (0, 1)}, "not rows and columns"),
        (shapes.pool_nchw, {"kernel_shape": (2,)}, "not rows and columns"),
        (shapes.pool_nchw, {"kernel_shape": (1, 1), "strides": (1,)}, "not two steps"),
        (shapes.pool_nchw, {"kernel_shape": (1, 1), "pads": (0, 0)}, "not four widths"),
    ],
)
def test_what_no_rule_takes(rule: shapes.ShapeRule, facts: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rule([(1, 2, 3, 4)], facts)


def codes(hand: Hand) -> object:
    return hand.node("dlk.Quantize", [hand.x], "conv1/quantize", "conv1/codes", bits=2, max_value=3.0)


def loops(x: NDArray, window: Sequence[int], stride: int, pads: Sequence[int], outside: float) -> NDArray:
    """Return what lies under the window at each of its places, [h', w', kh, kw, c]."""
    rows, columns = shapes.slide(x.shape[:2], window, {"strides": (stride, stride), "pads": pads})
    under = np.full((rows, columns, *window, x.shape[2]), outside, x.dtype)
    for y, z, row, column in np.ndindex(under.shape[:4]):
        at = (y * stride - pads[0] + row, z * stride - pads[1] + column)
        if 0 <= at[0] < x.shape[0] and 0 <= at[1] < x.shape[1]:
            under[y, z, row, column] = x[at]
    return under


@settings(max_examples=40, deadline=None)
@given(sizes, windows, st.integers(1, 2), paddings, st.integers(0, 1000))
def test_the_bodies_of_windows_are_loops(size, window, stride, pads, seed) -> None:
    """A ternary convolution and a pool of codes, each in onnxruntime as its body says."""
    assume(fits(size, window, pads))
    rng = np.random.default_rng(seed)
    image = rng.integers(-1, 5, (*size, 3)).astype(np.float32)
    x = np.clip(image, 0, 3).astype(np.int64)
    facts = {"strides": [stride, stride], "pads": pads}
    hand = Hand(image.shape)
    sign = rng.integers(-1, 2, (*window, 3, 4)).astype(np.int8)
    sums = hand.node("dlk.QuantConv", [codes(hand), hand.constant("conv2/sign", sign)], "conv2/conv", **facts)
    one = np.ones(4)
    scaled = hand.node("dlk.Rescale", [sums, hand.constant("conv2/factor", one)], "conv2/rescale")
    model = hand.model(hand.node("Cast", [scaled], "conv2/cast", to=1))
    expected = np.tensordot(loops(x, window, stride, pads, 0), sign.astype(np.int64), axes=3)
    assert np.array_equal(run_onnx(model, image)[0], expected)
    if shapes.touches(size, window, (stride, stride), pads) and all(p < window[i % 2] for i, p in enumerate(pads)):
        hand = Hand(image.shape)  # onnxruntime itself wants paddings below the window
        pooled = hand.node("dlk.MaxPool", [codes(hand)], "pool1", kernel_shape=list(window), **facts)
        model = hand.model(hand.dequantize(pooled, "pool1", max_value=3.0))
        assert np.array_equal(run_onnx(model, image)[0], loops(x, window, stride, pads, -1).max((2, 3)))


@given(st.lists(st.integers(0, 2), min_size=6, max_size=6))
@settings(max_examples=20, deadline=None)
def test_the_body_of_a_padding_is_numpy_s(widths: list[int]) -> None:
    image = np.random.default_rng(0).integers(-1, 5, (3, 4, 2)).astype(np.float32)
    hand = Hand(image.shape)
    padded = hand.node("dlk.Pad", [codes(hand)], "pad1", pads=[0, *widths[:3], 0, *widths[3:]])
    model = hand.model(hand.dequantize(padded, "pad1", max_value=3.0))
    expected = np.pad(np.clip(image, 0, 3), list(zip(widths[:3], widths[3:], strict=True)))
    assert np.array_equal(run_onnx(model, image)[0], expected)


def test_a_pool_outside_of_the_image_breaks_the_graph() -> None:
    hand = Hand((4, 4, 3))
    facts = {"kernel_shape": [2, 2], "strides": [1, 1], "pads": [0, 0, 2, 0]}
    pooled = hand.node("dlk.MaxPool", [codes(hand)], "pool1", **facts)
    with pytest.raises(BrokenGraphError, match="outside of the image") as caught:
        hand.model(hand.dequantize(pooled, "pool1", max_value=3.0))
    assert caught.value.where == "pool1"


def test_a_join_of_codes_and_values_or_of_other_codes_breaks_the_graph() -> None:
    hand = Hand((4, 4, 3))
    with pytest.raises(BrokenGraphError, match="joins codes and values"):
        hand.model(hand.node("Concat", [hand.x, codes(hand)], "concat1", axis=3))
    hand = Hand((4, 4, 3))
    other = hand.node("dlk.Quantize", [hand.x], "conv2/quantize", "conv2/codes", bits=2, max_value=2.0)
    joined = hand.node("Concat", [codes(hand), other], "concat1", axis=3)
    with pytest.raises(BrokenGraphError, match="codes of different meaning"):
        hand.model(hand.dequantize(joined, "concat1", max_value=3.0))


def test_a_split_has_as_many_outputs_as_sizes() -> None:
    hand = Hand((4, 4, 3))
    sizes = hand.constant("split1/sizes", np.array([1, 2]))
    first, _ = hand.parts("Split", [codes(hand), sizes], "split1", 2, axis=3)
    model = hand.model(hand.dequantize(first, "split1", max_value=3.0))
    next(node for node in model.graph if node.name == "split1").resize_outputs(1)
    with pytest.raises(BrokenGraphError, match="1 outputs, the rule says 2"):
        check(model)
