"""ONNX from elsewhere: PyTorch, Brevitas, tf2onnx. Read, and proved to be the same; wide quantizers are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from exports import network
from foreign import prove
from foreign_onnx import Export, brevitas, channels_last, pytorch

from dlk.errors import DlkError
from dlk.frontends.graph import import_graph
from dlk.frontends.support import Floats
from dlk.lowering.program import QuantConv


def test_a_network_of_brevitas_is_the_same(tmp_path: Path) -> None:
    proved = prove(brevitas().SerializeToString(), "net.onnx", tmp_path)
    assert (proved.quantized, proved.float_layers) == (4, ("Conv_0",))
    assert proved.differing == 0
    ternary = [set(np.unique(step.weights)) for step in proved.program.steps if isinstance(step, QuantConv)]
    assert ternary == [{-1, 1}, {-1, 0, 1}, {-1, 0, 1}, {-1, 1}]  # the second one is depth-wise


def test_a_float_network_of_pytorch_is_the_same(tmp_path: Path) -> None:
    data = pytorch().SerializeToString()
    with pytest.raises(DlkError, match="in the way"):
        prove(data, "net.onnx", tmp_path)
    proved = prove(data, "net.onnx", tmp_path, floats=Floats.ANY)
    assert proved.float_layers == ("Conv_0", "Conv_4", "Gemm_8")
    assert proved.rounding.apart < 1e-6


def test_pictures_with_channels_last_and_qdq_pairs_are_the_same(tmp_path: Path) -> None:
    proved = prove(channels_last().SerializeToString(), "net.onnx", tmp_path)
    assert (proved.quantized, proved.float_layers, proved.differing) == (2, ("Conv_1",), 0)


def test_a_model_of_the_export_is_taken_as_it_is(tmp_path: Path) -> None:
    proved = prove(network().SerializeToString(), "net.onnx", tmp_path, floats=Floats.ENDS)
    assert [tap.layer for tap in proved.imported.taps] == ["conv1", "conv2", "conv3", "conv4"]
    assert proved.differing == 0


def _wide_weights(net: Export) -> None:
    net.conv(4, 3, net.quant(net.store(net.kernel(4, 4, 3, 3)), 0.01, 4, signed=1))


def _bipolar_activation(net: Export) -> None:
    net.x = net.node("BipolarQuant", net.x, net.store(1.0), domain="qonnx.custom_op.general")


def _qdq(net: Export) -> None:
    scale, zero = net.store(0.1), net.store(0, dtype=np.uint8)
    net.then("QuantizeLinear", scale, zero)
    net.then("DequantizeLinear", scale, zero)


REFUSED: dict[str, tuple[Callable[[Export], None], str]] = {
    "weights of 4 bits": (_wide_weights, "weights of 4 bits"),
    "activations of 8 bits": (lambda net: net.activation(8), "activations of 8 bits"),
    "signed activations": (
        lambda net: setattr(net, "x", net.quant(net.x, 0.5, 2, signed=1)),
        "signed activations of 2 bits",
    ),
    "activations of -1 and +1": (_bipolar_activation, "activations of -1 and +1"),
    "codes of 8 bits": (_qdq, "more than 4 bits"),
    "dilation": (lambda net: net.conv(4, 3, dilations=[2, 2]), "dilated"),
    "a transposed convolution": (
        lambda net: net.then("ConvTranspose", net.store(net.kernel(4, 4, 3, 3))),
        "ConvTranspose is not supported",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wider_or_unknown_is_named(case: str, tmp_path: Path) -> None:
    change, told = REFUSED[case]
    net = Export([1, 3, 8, 8])
    net.conv(4, 3)
    net.activation()
    change(net)
    net.conv(4, 1)
    onnx.save(net.model(rank=4), tmp_path / "net.onnx")
    with pytest.raises(DlkError) as caught:
        import_graph(tmp_path / "net.onnx")
    assert told in str(caught.value) and "/" in caught.value.what
    assert caught.value.exit_code == 1


def test_an_old_opset_and_an_open_size_are_refused_with_the_way_out(tmp_path: Path) -> None:
    for net, told in ((Export([1, 3, 8, 8], opset=9), "opset 9"), (Export([1, 3, "h", "w"]), "--input-shape")):
        net.conv(4, 3)
        onnx.save(net.model(rank=4), tmp_path / "net.onnx")
        with pytest.raises(DlkError) as caught:
            import_graph(tmp_path / "net.onnx")
        assert told in str(caught.value)
    assert import_graph(tmp_path / "net.onnx", input_shape=(1, 3, 16, 24)).size == (16, 24)


def test_a_damaged_model_never_ends_in_a_traceback(tmp_path: Path) -> None:
    whole = brevitas().SerializeToString()
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(0, 6000, 4):
            damaged[place] = rng.integers(256)
        (tmp_path / "net.onnx").write_bytes(damaged)
        try:
            import_graph(tmp_path / "net.onnx")
        except DlkError as error:
            assert error.exit_code == 1


def test_a_binary_matrix_behind_a_flattened_picture_computes_in_integers(tmp_path: Path) -> None:
    net = Export([1, 3, 8, 8])
    net.conv(6, 3, strides=[2, 2])
    net.norm()
    net.activation()
    net.then("Flatten", axis=1)
    weights = net.node("BipolarQuant", net.store(net.kernel(5, 96)), net.store(0.05), domain="qonnx.custom_op.general")
    net.then("Gemm", weights, net.store(net.rng.normal(size=5)), transB=1)
    proved = prove(net.model().SerializeToString(), "net.onnx", tmp_path)
    assert (proved.quantized, proved.float_layers, proved.differing) == (1, ("Conv_0",), 0)
