"""Files for other tools: made of what they promise, run by their packages, refused when they compute otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from exports import LAYERS, write_export
from foreign import prove
from onnx import helper, numpy_helper

from blueoil.commands.export import _FORMATS
from dlk.errors import VerificationError
from dlk.frontends.functions import body
from dlk.frontends.qonnx import expanded
from dlk.interchange import FORMATS
from dlk.interchange.plain import opened
from dlk.interchange.write import Written, write
from dlk.ir.ops import EXPORT_DOMAIN, OPSET
from dlk.verify.golden import read_golden
from dlk.verify.onnx_executor import OnnxTensors

Change = Callable[[onnx.ModelProto], None]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export(tmp_path_factory.mktemp("interchange") / "export")


def written(export: Path, path: Path, name: str, change: Change | None = None) -> Written:
    """Write a file; ``change`` makes its graph a wrong one."""
    kind = FORMATS[name]

    def rewrite(model: onnx.ModelProto) -> onnx.ModelProto:
        graph = kind.rewrite(model)
        if change is not None:
            change(graph)
        return graph

    return write(export / "model.onnx", export / "reference.npz", path, replace(kind, rewrite=rewrite))


def constant(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def scale(model: onnx.ModelProto, name: str, factor: float) -> None:
    tensor = constant(model, name)
    values = numpy_helper.to_array(tensor) * np.float32(factor)
    tensor.CopyFrom(numpy_helper.from_array(values, name))


def quantizer_alone() -> onnx.ModelProto:
    """Return a quantizer of 2 bits whose step is 2, exact in floats, on four values."""
    facts = {"bits": 2, "max_value": 6.0}
    node = helper.make_node("LinearMidTreadHalfQuantizer", ["x"], ["y"], name="q", domain=EXPORT_DOMAIN, **facts)
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in "xy"]
    return helper.make_model(
        helper.make_graph([node], "q", ends[:1], ends[1:]),
        functions=[body(EXPORT_DOMAIN, node.op_type)],
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(EXPORT_DOMAIN, 1)],
        ir_version=10,
    )


def test_the_command_knows_every_format() -> None:
    assert set(FORMATS) == set(_FORMATS)


def test_a_plain_file_has_standard_operators_only_and_gives_the_bits_of_the_graph(export: Path, tmp_path: Path) -> None:
    found = written(export, tmp_path / "a.onnx", "onnx")
    model = onnx.load(found.path)
    assert not model.functions
    assert {node.domain for node in model.graph.node} == {""} == {item.domain for item in model.opset_import}
    assert found.proof is not None
    golden = read_golden(export / "reference.npz")
    assert sum(layer.values for layer in found.proof.layers) == sum(codes.size for codes in golden.codes.values()) > 0
    assert [layer.layer for layer in found.proof.layers] == list(LAYERS)
    fetch = ["output", *(f"{layer}/activation_quantizer:0" for layer in LAYERS)]
    ours, theirs = (opened(path, fetch)(golden.input[1:]) for path in (found.path, export / "model.onnx"))
    for name in fetch:
        assert np.array_equal(ours[name].view(np.uint32), theirs[name].view(np.uint32)), name


def test_a_qonnx_file_holds_signs_scales_and_unsigned_quantizers(export: Path, tmp_path: Path) -> None:
    model = FORMATS["qonnx"].rewrite(onnx.load(export / "model.onnx"))
    kinds = [node.op_type for node in model.graph.node if node.domain == "qonnx.custom_op.general"]
    assert (kinds.count("Quant"), kinds.count("BipolarQuant")) == (len(LAYERS), len(LAYERS))  # conv1's kernel is float
    source = onnx.load(export / "model.onnx")
    for node in (node for node in model.graph.node if node.op_type == "BipolarQuant"):
        weights = numpy_helper.to_array(constant(source, node.input[0]))
        signs, size = (numpy_helper.to_array(constant(model, name)) for name in node.input)
        assert np.array_equal(signs, np.where(weights >= 0, 1, -1))
        assert size == np.float32(math.fsum(np.abs(weights).ravel().tolist()) / weights.size)
    quantizer = next(node for node in model.graph.node if node.op_type == "Quant")
    step, zero, bits = (float(numpy_helper.to_array(constant(model, name))) for name in quantizer.input[1:])
    assert (step, zero, bits) == (np.float32(2 / 3), 0, 2)


def test_a_weight_of_zero_has_the_sign_plus_one(export: Path) -> None:
    source = onnx.load(export / "model.onnx")
    tensor = constant(source, "conv2/kernel")
    weights = numpy_helper.to_array(tensor).copy()
    weights[0, 0, 0, 0] = 0
    tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    signs = numpy_helper.to_array(constant(FORMATS["qonnx"].rewrite(source), "conv2/kernel"))
    assert signs[0, 0, 0, 0] == 1


def test_a_qonnx_file_is_read_back_as_the_same_network(export: Path, tmp_path: Path) -> None:
    file = FORMATS["qonnx"].rewrite(onnx.load(export / "model.onnx"))
    back = prove(file.SerializeToString(), "back.onnx", tmp_path)
    assert [tap.layer.partition(".")[0] for tap in back.imported.taps] == list(LAYERS)
    assert (back.quantized, back.differing) == (len(LAYERS), 0)


def test_half_a_step_rounds_up_where_the_file_says_so() -> None:
    model = FORMATS["qonnx"].rewrite(quantizer_alone())
    standard = OnnxTensors(expanded(model), "x", ["y"])
    assert standard(np.array([1.0, 3.0, 5.0, 0.99], np.float32))["y"].tolist() == [2.0, 4.0, 6.0, 0.0]
    (rounding,) = (entry for entry in model.graph.node[0].attribute if entry.name == "rounding_mode")
    rounding.s = b"ROUND"  # half to even
    standard = OnnxTensors(expanded(model), "x", ["y"])
    assert standard(np.array([1.0, 3.0, 5.0, 0.99], np.float32))["y"].tolist() == [0.0, 4.0, 4.0, 0.0]


@pytest.mark.needs("qonnx")
def test_the_package_qonnx_computes_what_was_trained(export: Path, tmp_path: Path) -> None:
    found = written(export, tmp_path / "a.qonnx.onnx", "qonnx")
    assert found.proof is not None
    assert found.proof.images == 2
    assert sum(layer.unexplained for layer in found.proof.layers) == 0


@pytest.mark.parametrize(
    ("name", "wrong", "layer"),
    [
        ("onnx", "conv3/gamma", "conv3"),
        pytest.param("qonnx", "conv2/kernel_scale", "conv2", marks=pytest.mark.needs("qonnx")),
    ],
)
def test_a_file_that_computes_otherwise_is_refused_by_the_name_of_the_layer(
    export: Path, tmp_path: Path, name: str, wrong: str, layer: str
) -> None:
    with pytest.raises(VerificationError) as caught:
        written(export, tmp_path / "a.onnx", name, lambda model: scale(model, wrong, 1.5))
    assert caught.value.where == f"layer {layer}"
    assert not list(tmp_path.iterdir())


@pytest.mark.needs("qonnx")
def test_values_that_are_no_codes_are_refused(export: Path, tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="no activation codes") as caught:
        written(export, tmp_path / "a.onnx", "qonnx", lambda m: scale(m, "conv2/activation_quantizer/step", 0.9))
    assert caught.value.where == "layer conv2"


def test_without_the_package_the_file_is_written_and_said_to_be_unproved(export: Path, tmp_path: Path) -> None:
    kind = replace(FORMATS["onnx"], package="no_such_package")
    found = write(export / "model.onnx", export / "reference.npz", tmp_path / "a.onnx", kind)
    assert found.proof is None
    assert onnx.load(found.path).graph.node
