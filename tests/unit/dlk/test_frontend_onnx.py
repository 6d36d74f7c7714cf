from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from graphs import Layer, build, segnet, to_ir
from onnx import helper, numpy_helper

from dlk.errors import DlkError
from dlk.frontends.onnx import load
from dlk.ir.files import read_model


def test_every_value_is_typed(tmp_path: Path) -> None:
    model = to_ir(segnet(), tmp_path)
    for node in model.graph:
        assert node.outputs[0].shape.is_static()
        assert node.outputs[0].dtype is not None
    assert tuple(model.graph.outputs[0].shape) == (1, 8, 8, 5)


def refused(path: Path) -> DlkError:
    with pytest.raises(DlkError) as caught:
        load(path)
    assert caught.value.exit_code == 1
    assert caught.value.fix
    return caught.value


def test_a_float_network_is_refused_layer_by_layer(tmp_path: Path) -> None:
    parts = [Layer(f"conv{i}", 3, 4, "", 0, relu=True) for i in (1, 2, 3)]
    onnx.save(build(parts), tmp_path / "m.onnx")
    error = refused(tmp_path / "m.onnx")
    assert "conv2/conv: a float layer (reads float activations and has float weights)" in error.what
    assert "conv3/conv: a float layer" in error.what
    assert "conv1/relu: a float activation" in error.what
    assert "LmSegnetV1Quantize" in str(error.fix)


def test_a_float_kernel_in_the_middle_is_refused(tmp_path: Path) -> None:
    onnx.save(build([Layer("conv1"), Layer("conv2", weights=""), Layer("conv3", bits=0)]), tmp_path / "m.onnx")
    error = refused(tmp_path / "m.onnx")
    assert "conv2/conv: a float layer (has float weights)" in error.what
    assert "conv3" not in error.what


def node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(n for n in model.graph.node if n.name == name)


def attribute(model: onnx.ModelProto, name: str, key: str, value: object) -> None:
    target = node(model, name)
    kept = [a for a in target.attribute if a.name != key]
    del target.attribute[:]
    target.attribute.extend([*kept, helper.make_attribute(key, value)])


def weights(model: onnx.ModelProto, name: str, values: object) -> None:
    tensor = next(t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(np.asarray(values, np.float32), name))


def unsupported(model: onnx.ModelProto) -> None:
    node(model, "s2d1").op_type = "Softplus"
    del node(model, "s2d1").attribute[:]


def bias(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(8, np.float32), "bias"))
    node(model, "conv2/conv").input.append("bias")


def drop_attribute(model: onnx.ModelProto) -> None:
    del node(model, "conv2/conv").attribute[:]


def rename(model: onnx.ModelProto, before: str, after: str) -> None:
    node(model, before).name = after


def opset(model: onnx.ModelProto) -> None:
    for part in (model, *model.functions):
        part.opset_import[0].version = 17


CHANGES: dict[str, Callable[[onnx.ModelProto], object]] = {
    "s2d1: Softplus is not supported": unsupported,
    "conv2/conv: 3 inputs": bias,
    "conv2/conv: dilations is (2, 2), only (1, 1) is taken": lambda m: attribute(m, "conv2/conv", "dilations", [2, 2]),
    "conv2/conv: the attribute kernel_shape is missing": drop_attribute,
    "conv2/again: the layer conv2 has conv2/conv already": lambda m: rename(m, "conv3/conv", "conv2/again"),
    "conv1/activation_quantizer: bits 9": lambda m: attribute(m, "conv1/activation_quantizer", "bits", 9),
    "conv1/activation_quantizer: bits -1": lambda m: attribute(m, "conv1/activation_quantizer", "bits", -1),
    "conv1/activation_quantizer: bits 4611686018427387904": lambda m: attribute(
        m, "conv1/activation_quantizer", "bits", 1 << 62
    ),
    "conv1/activation_quantizer: max_value": lambda m: attribute(m, "conv1/activation_quantizer", "max_value", 0.0),
    "conv2/gamma: holds a number that is not finite": lambda m: weights(m, "conv2/gamma", [np.nan] * 8),
    "conv2/batch_norm: variance + epsilon": lambda m: weights(m, "conv2/variance", [-1.0] * 8),
    "to_nhwc: a transpose by [0, 1, 2, 3]": lambda m: attribute(m, "to_nhwc", "perm", [0, 1, 2, 3]),
    "does not fit together": lambda m: weights(m, "conv2/gamma", [1.0] * 7),
    "another version of ONNX": opset,
}


@pytest.mark.parametrize("reason", CHANGES)
def test_what_cannot_be_converted_is_told(reason: str, tmp_path: Path) -> None:
    model = segnet()
    CHANGES[reason](model)
    onnx.save(model, tmp_path / "m.onnx")
    error = refused(tmp_path / "m.onnx")
    assert reason in error.what
    assert str(tmp_path) in str(error.where)


def test_an_image_that_the_moves_do_not_divide(tmp_path: Path) -> None:
    onnx.save(segnet(size=(6, 8)), tmp_path / "m.onnx")
    assert "not a multiple of the block 2" in refused(tmp_path / "m.onnx").what


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x00" * 100, segnet().SerializeToString()[:-200]])
def test_foreign_and_cut_files(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    assert "not a whole ONNX model" in refused(tmp_path / "m.onnx").what


def test_missing_and_large_files(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "none.onnx").what
    path = tmp_path / "m.onnx"
    onnx.save(segnet(), path)
    with pytest.raises(DlkError, match="too large"):
        read_model(path, max_bytes=100)


def test_weights_in_other_files_are_not_followed(tmp_path: Path) -> None:
    model = segnet()
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, size_threshold=0)
    assert "in other files" in refused(tmp_path / "m.onnx").what
