"""Graphs in the shapes of the original's networks, frozen by TensorFlow's v1 API: read, and proved to be the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import v1_graphs as graphs
from foreign import prove

from dlk.errors import DlkError
from dlk.frontends.graph import import_graph
from dlk.frontends.graphdef import GraphDef
from dlk.frontends.onnx import load
from dlk.frontends.support import Floats
from dlk.report.graph import GraphRecord

NETS: dict[str, tuple[Callable[[], bytes], int, tuple[str, ...]]] = {
    "LmSegnetV1": (graphs.segnet, 3, ("conv1",)),
    "old names, one scale a channel, open batch": (
        partial(graphs.segnet, names=graphs.OLD, channel_wise=True, batch=None, sign=tf.sign),
        3,
        ("conv1",),
    ),
    "LmnetV0": (graphs.lmnet_v0, 2, ("conv1", "conv4")),
    "LmnetV1, space_to_depth": (graphs.classifier, 4, ("conv1", "conv7")),
    "LmnetV1, max pool": (partial(graphs.classifier, down="pool"), 4, ("conv1", "conv7")),
    "LmnetV1, stride 2": (partial(graphs.classifier, down="stride"), 4, ("conv1", "conv7")),
    "grouped, each with its quantizer": (partial(graphs.grouped, joined_first=False), 3, ("conv1",)),
    "grouped, joined before the normalisation": (partial(graphs.grouped, joined_first=True), 3, ("conv1",)),
    "ResNet": (graphs.resnet, 8, ("first", "MatMul")),
    "LMFYolo": (graphs.yolo, 9, ("block_1", "block_last")),
    "blocks of 4, pixels repeated": (graphs.spreading, 3, ("conv1",)),
    "NCHW": (partial(graphs.segnet, nchw=True), 3, ("conv1",)),
}


@pytest.mark.parametrize("name", NETS)
def test_a_network_of_the_original_is_the_same(name: str, tmp_path: Path) -> None:
    make, quantized, in_float = NETS[name]
    proved = prove(make(), "net.pb", tmp_path)
    assert (proved.quantized, proved.float_layers) == (quantized, in_float)
    assert proved.rounding.apart < 1e-5


def test_a_weight_of_0_follows_the_function_of_the_graph(tmp_path: Path) -> None:
    for sign, code, told in ((tf.sign, 0, "0, as its own function has it"), (graphs._plus_minus, 1, "+1")):
        proved = prove(graphs.segnet(sign=sign, zeros=5), "net.pb", tmp_path)
        assert proved.imported.notes == (f"conv2: 5 weights are exactly 0; their sign is {told}",)
        weights = next(step for step in proved.program.steps if step.name == "conv2").weights
        (reported,) = GraphRecord.of(load(tmp_path / "export" / "model.onnx")).zeros
        assert (reported["layer"], reported["zeros"], reported["sign"]) == ("conv2", 5, told.partition(",")[0])
        assert np.all(weights.transpose(0, 1, 2, 3).reshape(-1)[:5] == code)


def test_a_graph_that_is_mostly_float_is_refused_with_its_layers(tmp_path: Path) -> None:
    with graphs.Net((8, 8)) as net:
        for name in ("conv1", "conv2", "conv3"):
            net.block(name, 4, quantized=False)
    data = net.frozen()
    with pytest.raises(DlkError, match="2 parts of it in the way") as caught:
        prove(data, "net.pb", tmp_path)
    assert "conv2/conv: a float layer (has float weights)" in str(caught.value)
    assert "--allow-float" in str(caught.value.fix)
    assert prove(data, "net.pb", tmp_path, floats=Floats.ANY).float_layers == ("conv1", "conv2", "conv3")


REFUSED: dict[str, tuple[Callable[[graphs.Net], object], str]] = {
    "an unknown operator": (lambda net: net.then(tf.math.softplus), "Softplus: Softplus is not supported"),
    "a picture that is shortened": (lambda net: net.then(lambda x: x[:, :4]), "StridedSlice is not supported"),
    "rows joined": (lambda net: net.then(lambda x: tf.concat([x, x], 1)), "axis 1"),
    "wide activations": (lambda net: net.quantize(bits=8), "bits 8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_supported_is_told_by_the_name_of_its_node(case: str, tmp_path: Path) -> None:
    change, told = REFUSED[case]
    with graphs.Net((8, 8)) as net:
        net.block("conv1", 4)
        change(net)
        net.block("conv2", 4)
    (tmp_path / "net.pb").write_bytes(net.frozen())
    with pytest.raises(DlkError) as caught:
        model = import_graph(tmp_path / "net.pb").model
        (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
        load(tmp_path / "model.onnx", floats=Floats.FEW)
    assert told in str(caught.value)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"", "no nodes"), (b"\x00" * 40, "no frozen TensorFlow graph"), (b"hello", "no frozen TensorFlow graph")],
)
def test_a_file_that_is_no_graph_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(DlkError) as caught:
        GraphDef(data, where="x.pb")
    assert told in str(caught.value)


def test_a_damaged_graph_never_ends_in_a_traceback(tmp_path: Path) -> None:
    whole = bytearray(graphs.segnet())
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole[: rng.integers(1, len(whole))]) if rng.random() < 0.3 else bytearray(whole)
        for place in rng.integers(0, len(damaged), 20):
            damaged[place] = rng.integers(256)
        (tmp_path / "net.pb").write_bytes(damaged)
        try:
            import_graph(tmp_path / "net.pb")
        except DlkError as error:
            assert error.exit_code == 1
