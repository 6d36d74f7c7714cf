"""The reference on networks that are not one chain: against loops, against onnxruntime, and layer by layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from dags import Dag, drawn, everything, integers
from graphs import Layer, run_onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from dlk.errors import DlkError
from dlk.verify.golden import Golden
from dlk.verify.reference import Reference
from dlk.verify.reference_ops import Pool, Split, Window, exact_sums, ordered_sums
from dlk.verify.rounding import check_rounding

sizes = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 3))
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
widths = st.tuples(st.integers(0, 3), st.integers(0, 3))


def reference(model: onnx.ModelProto, folder: Path) -> Reference:
    onnx.save(model, folder / "model.onnx")
    return Reference(folder / "model.onnx")


def places(size: tuple[int, ...], window: Window) -> tuple[int, int]:
    rows = (size[0] + sum(window.rows) - window.kernel[0]) // window.strides[0] + 1
    return rows, (size[1] + sum(window.columns) - window.kernel[1]) // window.strides[1] + 1


def fits(size: tuple[int, ...], window: Window) -> bool:
    return size[0] + sum(window.rows) >= window.kernel[0] and size[1] + sum(window.columns) >= window.kernel[1]


def under(x: NDArray, window: Window, place: tuple[int, int]) -> list[tuple[int, int, NDArray]]:
    """Return (row, column, pixel) of every tap that lies inside of the image."""
    found = []
    for row, column in np.ndindex(window.kernel):
        y = place[0] * window.strides[0] - window.rows[0] + row
        z = place[1] * window.strides[1] - window.columns[0] + column
        if 0 <= y < x.shape[0] and 0 <= z < x.shape[1]:
            found.append((row, column, x[y, z]))
    return found


@settings(max_examples=100, deadline=None)
@given(sizes, pairs, pairs, widths, widths, st.integers(0, 10**6))
def test_sums_and_pools_are_loops(size, kernel, strides, rows, columns, seed) -> None:
    window = Window(kernel, strides, rows, columns)
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 16, size).astype(np.uint8)
    weights = rng.choice(np.array([-1, 1], np.float32), (*kernel, size[2], 2))
    if not fits(size, window):
        with pytest.raises(DlkError, match="larger than the image"):
            exact_sums(x, weights, window)
        return
    got, ordered = exact_sums(x, weights, window), ordered_sums(x.astype(np.float32), weights, window)
    assert got.shape == (*places(size, window), 2)
    empty = False
    for place in np.ndindex(*places(size, window)):
        taps = under(x, window, place)
        expected = sum(
            (pixel.astype(int) @ weights[row, column].astype(int) for row, column, pixel in taps), np.zeros(2)
        )
        assert np.array_equal(got[place], expected)
        assert np.array_equal(ordered[place], expected)
        empty = empty or not taps
    if empty:
        with pytest.raises(DlkError, match="no pixel of the image"):
            Pool(window)([x])
        return
    (largest,) = Pool(window)([x])
    assert largest.dtype == np.uint8
    for place in np.ndindex(*places(size, window)):
        assert np.array_equal(largest[place], np.max([pixel for *_, pixel in under(x, window, place)], axis=0))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4))
def test_equal_parts_are_those_of_onnxruntime(channels: int, parts: int) -> None:
    x = np.arange(channels, dtype=np.float32).reshape(1, 1, channels)
    if channels <= -(-channels // parts) * (parts - 1):
        with pytest.raises(DlkError, match="not the whole"):
            Split((), parts)([x])
        return
    names = [f"part{index}" for index in range(parts)]
    nodes = [
        helper.make_node("Transpose", ["images_placeholder"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Split", ["planes"], names, axis=1, num_outputs=parts),
    ]
    values = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ["images_placeholder", *names]}
    values["images_placeholder"] = helper.make_tensor_value_info(
        "images_placeholder", TensorProto.FLOAT, [1, 1, 1, channels]
    )
    graph = helper.make_graph(nodes, "split", [values["images_placeholder"]], [values[name] for name in names])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    for ours, theirs in zip(Split((), parts)([x]), run_onnx(model, x, names), strict=True):
        assert np.array_equal(ours.ravel(), theirs.ravel())


def test_what_a_layer_reads_and_what_is_traced(tmp_path: Path) -> None:
    exported = everything()
    executor = reference(exported, tmp_path)
    assert executor.quantized_layers == ("conv1", "conv2", "conv3", "conv4")
    sources = {name: executor.sources(name) for name in ("conv1", "conv2", "conv3", "conv4", "conv5")}
    assert sources == {
        "conv1": ("input",),
        "conv2": ("conv1",),
        "conv3": ("conv1",),
        "conv4": ("conv1", "conv2", "conv3"),
        "conv5": ("conv4",),
    }
    assert executor.derived == ("pool1", "concat1", "pad1", "pool2", "pool3", "concat2")
    trace = executor.trace(integers(exported))
    assert [name for name in trace if name not in executor.derived] == [*executor.quantized_layers, "output"]
    assert all(trace[name].dtype == np.uint8 for name in executor.derived)


def test_a_layer_is_judged_on_the_codes_of_all_its_sources(tmp_path: Path) -> None:
    exported = everything(exact=False)
    executor = reference(exported, tmp_path)
    x = integers(exported)
    trace = executor.trace(x)
    given = {**trace, "input": x}
    for name in executor.quantized_layers:
        only = {source: given[source] for source in executor.sources(name)}
        assert np.array_equal(executor.layer_codes(name, only).codes, trace[name])
    for source in executor.sources("conv4"):
        other = {**given, source: 3 - given[source]}
        assert not np.array_equal(executor.layer_codes("conv4", other).codes, trace["conv4"]), source


def test_what_the_output_does_not_need_is_left_out(tmp_path: Path) -> None:
    dag = Dag()
    x = dag.conv(dag.image, Layer("conv1", 3, 4, ""))
    dag.pool(dag.conv(x, Layer("spare", 3, 4)), "pool1")
    executor = reference(dag.close(dag.conv(x, Layer("conv2", 3, 5, bits=0))), tmp_path)
    assert executor.quantized_layers == ("conv1",)
    assert executor.derived == ()


def joined(**second: object) -> onnx.ModelProto:
    dag = Dag()
    x = dag.conv(dag.image, Layer("conv1", 3, 4, ""))
    parts = [dag.conv(x, Layer("conv2", 1, 4)), dag.conv(x, Layer("conv3", 1, 4, **second))]
    return dag.close(dag.conv(dag.concat(parts, "concat1"), Layer("last", 1, 5, bits=0)))


def changed(name: str, **attributes: object) -> onnx.ModelProto:
    model = everything()
    node = next(n for n in model.graph.node if n.name == name)
    kept = [a for a in node.attribute if a.name not in attributes]
    del node.attribute[:]
    node.attribute.extend([*kept, *(helper.make_attribute(key, value) for key, value in attributes.items())])
    return model


def called(name: str, other: str) -> onnx.ModelProto:
    model = everything()
    next(n for n in model.graph.node if n.name == name).name = other
    return model


REFUSED: dict[str, tuple[str, Callable[[], onnx.ModelProto]]] = {
    "other max_value": ("codes of different meaning are joined", lambda: joined(max_value=1.5)),
    "other bits": ("codes of different meaning are joined", lambda: joined(bits=1, max_value=3.0)),
    "ceil_mode": ("cannot execute this MaxPool", lambda: changed("pool1", ceil_mode=1)),
    "auto_pad": ("cannot execute this MaxPool", lambda: changed("pool1", auto_pad="SAME_UPPER")),
    "dilations": ("cannot execute this MaxPool", lambda: changed("pool1", dilations=[2, 2])),
    "rows joined": ("cannot execute this Concat", lambda: changed("concat1", axis=2)),
    "columns parted": ("cannot execute this Split", lambda: changed("split1", axis=3)),
    "mode": ("cannot execute this Pad", lambda: changed("pad1", mode="edge")),
    "kernel_shape": ("cannot execute this Conv", lambda: changed("conv2/conv", kernel_shape=[1, 1])),
    "group": ("cannot execute this Conv", lambda: changed("conv2/conv", group=3)),
    "one name for two": ("a name of its own", lambda: called("pool1", "conv2")),
    "the name of the output": ("a name of its own", lambda: called("pool1", "output")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_reference_refuses(case: str, tmp_path: Path) -> None:
    reason, make = REFUSED[case]
    with pytest.raises(DlkError, match=reason) as caught:
        reference(make(), tmp_path)
    assert caught.value.where


def golden(model: onnx.ModelProto, executor: Reference, images: int = 2) -> Golden:
    """Golden tensors of an exact network, made by onnxruntime in place of TensorFlow."""
    names = [f"{layer}/activation_quantizer:0" for layer in executor.quantized_layers]
    typed = onnx.ModelProto()
    typed.CopyFrom(model)
    typed.graph.value_info.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    inputs = np.stack([integers(model, seed) for seed in range(images)])
    found = [run_onnx(typed, x, (*names, "output")) for x in inputs]
    codes = {
        layer: np.stack([arrays[index].transpose(1, 2, 0) for arrays in found]).astype(np.uint8)
        for index, layer in enumerate(executor.quantized_layers)
    }
    output = np.stack([arrays[-1] for arrays in found])
    return Golden(np.zeros(inputs.shape, np.uint8), inputs, codes, output)


@pytest.mark.parametrize("seed", [None, 5, 6, 7])
def test_the_second_proof_feeds_each_layer_the_graph_s_own_codes(seed: int | None, tmp_path: Path) -> None:
    """One code is changed beyond rounding: the layer that has it is named, and no layer that reads it."""
    exported = everything() if seed is None else drawn(seed)
    executor = reference(exported, tmp_path)
    given = golden(exported, executor)
    result = check_rounding(executor, given, lambda index: executor.trace(given.input[index]))
    assert result.passed and result.agreement == 1.0
    assert sum(layer.differing for layer in result.layers) == 0
    for layer in executor.quantized_layers[-1:]:
        codes = {name: array.copy() for name, array in given.codes.items()}
        codes[layer][1, 0, 0, 0] = (codes[layer][1, 0, 0, 0] + 2) % 4
        wrong = dataclasses.replace(given, codes=codes)
        result = check_rounding(executor, wrong, lambda index: executor.trace(given.input[index]))
        assert result.first is not None and (result.first.layer, result.first.image) == (layer, 1)


def test_golden_codes_of_another_shape_are_of_another_network(tmp_path: Path) -> None:
    exported = everything()
    executor = reference(exported, tmp_path)
    given = golden(exported, executor)
    codes = {**given.codes, "conv3": given.codes["conv3"][..., :-1]}
    with pytest.raises(DlkError, match="of another network") as caught:
        check_rounding(executor, dataclasses.replace(given, codes=codes), lambda i: executor.trace(given.input[i]))
    assert caught.value.where == "conv3"
