"""What TensorFlow 1.x left in frozen graphs, and other corners of graphs of others: converted, or refused clearly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tensorflow as tf
import v1_graphs as graphs
from foreign import prove
from foreign_onnx import QONNX, Export
from onnx import helper

from dlk.errors import DlkError
from dlk.frontends.graph import import_graph
from dlk.frontends.support import Floats
from dlk.lowering.program import QuantConv

v1 = tf.compat.v1


def _dropout(net: graphs.Net) -> None:
    """As ``tf.layers.dropout`` of TensorFlow 1 with a predicate that training would set."""
    training = tf.raw_ops.LogicalNot(x=v1.placeholder_with_default(True, [], "testing"))
    kept, dropped = tf.raw_ops.Switch(data=net.x, pred=training)
    noisy = tf.raw_ops.Mul(x=dropped, y=tf.raw_ops.Floor(x=tf.random.uniform(net.x.shape[1:], seed=1) + 0.5))
    net.x = graphs._shaped(tf.raw_ops.Merge(inputs=[kept, noisy])[0], net.x)


def _keep_all(net: graphs.Net) -> None:
    net.then(tf.multiply, v1.placeholder_with_default(1.0, [], "keep_prob"))


def _largest_of_all(net: graphs.Net) -> None:
    net.then(lambda x: v1.nn.max_pool(x, [1, *x.shape[1:3], 1], [1, *x.shape[1:3], 1], "VALID"))


def _pool_that_fits_once(net: graphs.Net) -> None:
    net.then(lambda x: v1.nn.avg_pool(x, [1, 7, 7, 1], [1, 2, 2, 1], "VALID"))


def _squeezed(net: graphs.Net) -> None:
    net.then(lambda x: tf.squeeze(tf.reduce_mean(x, [1, 2], keepdims=True), [1, 2]))


def _chain(net: graphs.Net) -> None:
    for _ in range(3):
        net.then(tf.identity)
    net.then(tf.stop_gradient)


LEFT: dict[str, Callable[[graphs.Net], Any]] = {
    "dropout by Switch and Merge": _dropout,
    "a share to keep": _keep_all,
    "the largest of all": _largest_of_all,
    "a pool that fits once": _pool_that_fits_once,
    "a vector by Squeeze": _squeezed,
    "a chain of Identity": _chain,
}


@pytest.mark.parametrize("case", LEFT)
def test_a_leftover_converts(case: str, tmp_path: Path) -> None:
    with graphs.Net((8, 8), batch=None) as net:
        net.block("conv1", 4)
        net.block("conv2", 4)
        LEFT[case](net)
        if net.x.shape.rank == 4:
            with v1.variable_scope("conv3"):
                net.conv(5, 1, bias=True)
    proved = prove(net.frozen(), "net.pb", tmp_path, floats=Floats.ANY, telling=False)
    assert proved.differing == 0


def test_a_branch_whose_predicate_is_open_is_refused_by_its_name(tmp_path: Path) -> None:
    with graphs.Net((8, 8)) as net:
        net.block("conv1", 4)
        kept, _ = tf.raw_ops.Switch(data=net.x, pred=tf.reduce_any(net.x > 1), name="cond/Switch")
        net.x = graphs._shaped(kept, net.x)
    (tmp_path / "net.pb").write_bytes(net.frozen())
    with pytest.raises(DlkError, match="cond/Switch: Switch is not supported"):
        import_graph(tmp_path / "net.pb")


def _moved(kernel: Any) -> Any:
    return tf.transpose(tf.reshape(tf.transpose(kernel, [3, 0, 1, 2]), [4, 1, 1, 4]), [1, 2, 3, 0])


@pytest.mark.parametrize(("name", "change", "quantized"), [("moved", _moved, 2), ("scaled", lambda k: k * -0.5, 1)])
def test_a_binary_kernel_that_is_changed_is_still_what_its_quantizer_made(
    name: str, change: Callable[[Any], Any], quantized: int, tmp_path: Path
) -> None:
    with graphs.Net((8, 8)) as net:
        net.block("conv1", 4)
        net.block("conv2", 4)
        kernel = change(net.kernel(1, 4, 4, quantized=True))
        net.x = v1.nn.conv2d(net.x, kernel, [1, 1, 1, 1], "SAME", name="conv3/conv")
    proved = prove(net.frozen(), "net.pb", tmp_path)
    assert (proved.quantized, proved.differing) == (quantized, 0), name


def test_the_signs_of_a_matrix_survive_a_transpose(tmp_path: Path) -> None:
    net = Export([1, 3, 8, 8])
    net.conv(6, 3)
    net.norm()
    net.activation()
    net.then("Flatten", axis=1)
    signs = net.node("BipolarQuant", net.store(net.kernel(5, 384)), net.store(0.05), domain=QONNX)
    net.then("MatMul", net.node("Transpose", signs, perm=[1, 0]))
    proved = prove(net.model().SerializeToString(), "net.onnx", tmp_path)
    assert sum(isinstance(step, QuantConv) for step in proved.program.steps) == 1


def test_pixels_shuffled_by_pytorch_are_the_same(tmp_path: Path) -> None:
    net = Export([1, 3, 8, 8])
    net.conv(12, 3)
    net.norm()
    net.activation()
    net.then("DepthToSpace", blocksize=2, mode="CRD")
    net.channels = 3
    net.conv(5, 3, net.bipolar(5, 3))
    assert prove(net.model(rank=4).SerializeToString(), "net.onnx", tmp_path).differing == 0


def test_too_many_shuffled_channels_are_refused(tmp_path: Path) -> None:
    net = Export([1, 3, 8, 8])
    net.conv(400, 1)
    net.then("DepthToSpace", blocksize=2, mode="CRD")
    onnx.save(net.model(rank=4), tmp_path / "net.onnx")
    with pytest.raises(DlkError, match="the mode CRD of 400 channels") as caught:
        import_graph(tmp_path / "net.onnx")
    assert "at most 256" in str(caught.value.expected)


def test_an_output_that_is_flattened_is_the_same(tmp_path: Path) -> None:
    with graphs.Net((8, 8)) as net:
        net.block("conv1", 4)
        net.block("conv2", 4)
        net.then(tf.reshape, [-1, 256])
    proved = prove(net.frozen(), "net.pb", tmp_path)
    assert proved.differing == 0 and "flattens its output" in proved.imported.notes[-1]


def test_of_several_outputs_the_one_that_is_called_so_is_read(tmp_path: Path) -> None:
    with graphs.Net((8, 8)) as net:
        net.block("conv1", 4)
        tf.nn.softplus(net.x, name="aside")
        net.block("conv2", 4)
    assert prove(net.frozen(), "net.pb", tmp_path).quantized == 1


def test_several_outputs_are_refused_by_their_names(tmp_path: Path) -> None:
    with graphs.Net((8, 8)) as net:
        net.block("conv1", 4)
        tf.nn.relu(net.x, name="boxes")
        tf.identity(net.x, name="scores")
    (tmp_path / "net.pb").write_bytes(net.graph.as_graph_def().SerializeToString())
    model = Export([1, 3, 8, 8])
    model.conv(4, 3)
    made = model.model(rank=4)
    made.graph.output.append(helper.make_tensor_value_info(model.node("Relu", model.x), 1, [None] * 4))
    made.graph.node.append(model.nodes[-1])
    onnx.save(made, tmp_path / "net.onnx")
    for name, told in (("net.pb", "boxes, scores"), ("net.onnx", "2 outputs (/Conv_0_output_0, /Relu_1_output_0)")):
        with pytest.raises(DlkError) as caught:
            import_graph(tmp_path / name)
        assert told in str(caught.value) and "one" in str(caught.value.expected)


def test_a_picture_of_bytes_is_refused(tmp_path: Path) -> None:
    with graphs.Net((8, 8)) as net:
        net.x = tf.cast(v1.placeholder(tf.uint8, [1, 8, 8, 3], "bytes"), tf.float32) / 255.0
        net.block("conv1", 4)
    (tmp_path / "net.pb").write_bytes(net.frozen())
    model = Export([1, 3, 8, 8])
    model.conv(4, 3)
    made = model.model(rank=4)
    made.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    onnx.save(made, tmp_path / "net.onnx")
    for name in ("net.pb", "net.onnx"):
        with pytest.raises(DlkError, match="the input is no float32") as caught:
            import_graph(tmp_path / name)
        assert "float32" in str(caught.value.expected)


def test_limits_that_a_quantizer_makes_needless_are_left_out(tmp_path: Path) -> None:
    for top, floats in ((6.0, 0), (1.0, 2)):
        net = Export([1, 3, 8, 8])
        net.conv(4, 3)
        net.norm()
        net.then("Clip", net.store(0.0), net.store(top))
        net.x = net.quant(net.x, 0.61, 2, signed=0)
        net.conv(5, 1, net.bipolar(5, 1))
        proved = prove(net.model(rank=4).SerializeToString(), "net.onnx", tmp_path)
        kinds = [type(step).__name__ for step in proved.program.steps]
        assert kinds.count("Pointwise") == floats, kinds
        assert proved.differing == 0
        assert np.isfinite(proved.rounding.apart)
