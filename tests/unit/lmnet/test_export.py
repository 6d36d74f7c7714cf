"""The exported files have the names of the contract and compute what Keras computes."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
import yaml
from lively import lively, noise

from lmnet import networks
from lmnet.errors import LmnetError
from lmnet.export import export
from lmnet.export.freeze import frozen_graph
from lmnet.export.onnx_graph import onnx_model
from lmnet.layers import QuantizedConv2D
from lmnet.processors.pre import PRE_PROCESSORS
from lmnet.settings import Settings

CLASSES = ("road", "sky", "tree")
FILES = {"model.onnx", "minimal_graph_with_shape.pb", "meta.yaml", "reference.npz"}
SIZE = (32, 48)


def settings(**values):
    return Settings(train_path="unused", **({"image_size": SIZE} | values))


def write(model, folder, config, images=None):
    images = noise(config.image_size) if images is None else images
    export(model, folder, settings=config, classes=CLASSES, images=images, experiment="camvid_1", checkpoint="c")
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    model = lively(settings(), len(CLASSES), noise(SIZE))
    return model, write(model, tmp_path_factory.mktemp("export") / "32x48", settings())


def expected_nodes(*, first, last):
    nodes = [("Transpose", "to_nchw")]
    body = "s2d1 conv1 s2d2 conv2 conv3 s2d3 conv4 conv5 conv6 conv7 d2s1 conv8 d2s2 conv9 d2s3 conv10 conv11"
    for name in body.split():
        if not name.startswith("conv"):
            nodes.append(("SpaceToDepth" if name.startswith("s2d") else "DepthToSpace", name))
            continue
        if name != "conv1" or first:
            nodes.append(("BinaryMeanScalingQuantizer", f"{name}/weight_quantizer"))
        nodes += [("Conv", f"{name}/conv"), ("BatchNormalization", f"{name}/batch_norm")]
        if name != "conv11" or last:
            nodes.append(("LinearMidTreadHalfQuantizer", f"{name}/activation_quantizer"))
    return [*nodes, ("Transpose", "to_nhwc")]


@pytest.mark.parametrize(("first", "last"), [(False, False), (True, True)])
def test_onnx_nodes(first, last):
    proto = onnx_model(networks.build(settings(quantize_first_layer=first, quantize_last_layer=last), 3))
    nodes = proto.graph.node
    assert [(node.op_type, node.name) for node in nodes] == expected_nodes(first=first, last=last)
    assert all(list(node.output) == [f"{node.name}:0"] for node in nodes[:-1])
    assert [(value.name) for value in (*proto.graph.input, *proto.graph.output)] == ["images_placeholder", "output"]
    assert {node.domain for node in nodes if "Quantizer" in node.op_type} == {"blueoil"}
    assert {o.domain: o.version for o in proto.opset_import} == {"": 18, "blueoil": 1}
    assert {p.key: p.value for p in proto.metadata_props}["blueoil.network"] == "LmSegnetV1Quantize"
    assert {function.domain for function in proto.functions} == {"blueoil"}


def test_onnx_attributes_and_weights(exported):
    model, folder = exported
    proto = onnx.load(folder / "model.onnx")
    nodes = {node.name: node for node in proto.graph.node}
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}

    def attributes(name):
        return {a.name: onnx.helper.get_attribute_value(a) for a in nodes[name].attribute}

    assert attributes("conv2/conv") == {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}
    assert attributes("conv1/conv")["pads"] == [0, 0, 0, 0]
    assert attributes("conv1/activation_quantizer") == {"bits": 2, "max_value": 2.0}
    assert attributes("d2s1") == {"blocksize": 2, "mode": b"DCR"}
    assert attributes("s2d1") == {"blocksize": 2}
    assert attributes("conv2/batch_norm") == {"epsilon": pytest.approx(1e-3)}
    assert list(nodes["conv2/conv"].input) == ["s2d2:0", "conv2/weight_quantizer:0"]
    assert list(nodes["conv1/conv"].input) == ["s2d1:0", "conv1/kernel"]
    assert list(nodes["conv1/batch_norm"].input)[1:] == [f"conv1/{n}" for n in ("gamma", "beta", "mean", "variance")]
    (kernel,) = model.get_layer("conv8").get_weights()
    assert np.array_equal(weights["conv8/kernel"], kernel.transpose(3, 2, 0, 1))
    assert np.array_equal(weights["conv8/variance"], np.asarray(model.get_layer("conv8_bn").moving_variance))


def test_onnx_joins_strides_and_crops():
    proto = onnx_model(networks.build(settings(network="LmUnetV1Quantize", image_size=(40, 48)), 3))
    nodes = {node.name: node for node in proto.graph.node}

    def attributes(name):
        return {a.name: onnx.helper.get_attribute_value(a) for a in nodes[name].attribute}

    assert nodes["join1"].op_type == "Concat"
    assert list(nodes["join1"].input) == ["conv11/activation_quantizer:0", "conv7/activation_quantizer:0"]
    assert nodes["conv8/conv"].input[0] == "conv7/activation_quantizer:0", "a skip connection has two readers"
    assert attributes("join1") == {"axis": 1}
    assert attributes("conv8/conv") == {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    assert attributes("conv11/conv")["pads"] == [1, 1, 0, 0], "2x2 doubled, and cut to 3x3"
    assert attributes("conv13/conv")["pads"] == [1, 1, 0, 1], "3x3 doubled, and cut to 5x6"
    assert [node.name for node in proto.graph.node][-2:] == ["d2s5", "to_nhwc"]


def test_oblong_window():
    inputs = keras.Input((8, 8, 3))
    proto = onnx_model(keras.Model(inputs, QuantizedConv2D(4, (5, 3), crop=(1, 0), name="tall")(inputs)))
    (conv,) = (node for node in proto.graph.node if node.op_type == "Conv")
    found = {a.name: onnx.helper.get_attribute_value(a) for a in conv.attribute}
    assert found == {"kernel_shape": [5, 3], "strides": [1, 1], "pads": [2, 1, 1, 1]}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"quantize_first_layer": True, "quantize_last_layer": True},
        {"weight_quantizer": "binary_channel_wise_mean_scaling", "quantize_first_layer": True},
        {"activation_bits": 3, "activation_max_value": 1.5},
        {"network": "LmSegnetV1"},
        {"network": "LmUnetV1Quantize", "image_size": (40, 48)},
        {"network": "LmUnetV1", "image_size": (40, 48)},
    ],
    ids=str,
)
def test_every_graph_computes_what_keras_computes(values, tmp_path):
    config = settings(**values)
    model = lively(config, len(CLASSES), noise(config.image_size))
    folder = write(model, tmp_path / "out", config)
    golden = np.load(folder / "reference.npz", allow_pickle=False)
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    for i, image in enumerate(golden["input"]):
        keras_output = np.asarray(model(image[None], training=False))[0]
        assert len(np.unique(keras_output)) > 2
        assert np.array_equal(golden["output"][i], keras_output)
        onnx_output = session.run(["output"], {"images_placeholder": image[None]})[0][0]
        # Float sums in another order may move an activation across a boundary: few pixels, not none.
        close = np.isclose(onnx_output, keras_output, rtol=1e-3, atol=1e-3).all(-1)
        assert close.mean() > 0.95
    graph = tf.compat.v1.GraphDef.FromString((folder / "minimal_graph_with_shape.pb").read_bytes())
    assert {"images_placeholder", "output"} <= {node.name for node in graph.node}


def test_golden_tensors(exported):
    model, folder = exported
    golden = np.load(folder / "reference.npz", allow_pickle=False)
    blocks = [f"conv{i}" for i in range(1, 11)]
    assert set(golden) == {"images", "input", "output", *(f"codes/{block}" for block in blocks)}
    assert np.array_equal(golden["images"], noise(SIZE))
    assert np.array_equal(
        golden["input"], np.stack([PRE_PROCESSORS["PerImageStandardization"](p) for p in noise(SIZE)])
    )
    tapped = keras.Model(model.input, [model.get_layer(f"{block}_act").output for block in blocks])
    for i, image in enumerate(golden["input"]):
        for block, value in zip(blocks, tapped.predict_on_batch(image[None]), strict=True):
            codes = golden[f"codes/{block}"]
            assert codes.dtype == np.uint8
            assert np.array_equal(codes[i], np.rint(value[0] * 3 / 2))
            assert set(np.unique(codes)) == {0, 1, 2, 3}


def test_frozen_graph_names_the_activations(exported):
    model, _ = exported
    graph = frozen_graph(model)
    names = {node.name: node for node in graph.node}
    assert {f"conv{i}_act" for i in range(1, 11)} <= set(names)
    assert not any("Variable" in node.op for node in graph.node)
    assert names["images_placeholder"].attr["shape"].shape.dim[0].size == 1


def test_files_are_the_same_each_time(exported, tmp_path):
    model, folder = exported
    again = write(model, tmp_path / "again", settings())
    assert {path.name for path in again.iterdir()} == FILES
    for name in FILES:
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name


def test_meta(exported):
    meta = yaml.safe_load((exported[1] / "meta.yaml").read_text())
    assert meta == {
        "version": 1,
        "experiment": "camvid_1",
        "checkpoint": "c",
        "network": "LmSegnetV1Quantize",
        "TASK": "IMAGE.SEMANTIC_SEGMENTATION",
        "CLASSES": ["road", "sky", "tree"],
        "DATA_FORMAT": "NHWC",
        "IMAGE_SIZE": [32, 48],
        "PRE_PROCESSOR": [{"Resize": {"size": [32, 48], "resample": "NEAREST"}}, {"PerImageStandardization": None}],
        "POST_PROCESSOR": None,
    }


def test_another_size(exported, tmp_path):
    model, _ = exported
    folder = write(model, tmp_path / "16x24", settings(image_size=(16, 24)), noise((16, 24), 1))
    assert np.load(folder / "reference.npz")["output"].shape == (1, 16, 24, 3)
    shape = onnx.load(folder / "model.onnx").graph.input[0].type.tensor_type.shape
    assert [d.dim_value for d in shape.dim] == [1, 16, 24, 3]


def test_failed_export_leaves_the_last_good_one(exported, tmp_path, monkeypatch):
    model, _ = exported
    folder = write(model, tmp_path / "out", settings())
    (folder / "output").mkdir()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    def broken(*_):
        raise LmnetError("no room")

    monkeypatch.setattr("lmnet.export.exporter.golden_tensors", broken)
    with pytest.raises(LmnetError, match="no room"):
        write(model, folder, settings(), noise(SIZE, 1))
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert (folder / "output").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_no_meta_lies_beside_files_of_two_exports(exported, tmp_path, monkeypatch):
    model, _ = exported
    folder = write(model, tmp_path / "out", settings())
    replace = Path.replace

    def fail_at_the_third(self, target):
        if self.name == "reference.npz":
            raise OSError("no room")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_at_the_third)
    with pytest.raises(OSError, match="no room"):
        write(model, folder, settings(), noise(SIZE, 1))
    assert not (folder / "meta.yaml").exists(), "without it the folder counts as not exported"


def test_layer_called_twice_is_refused_by_name():
    x = inputs = keras.Input((8, 8, 3))
    shared = keras.layers.BatchNormalization(name="shared_bn")
    with pytest.raises(LmnetError, match="shared_bn cannot be exported: it is called more than once"):
        onnx_model(keras.Model(inputs, shared(shared(x))))


def test_layer_with_another_tensor_beside_its_input_is_refused_by_name():
    inputs = keras.Input((8, 8, 3))
    masked = keras.layers.BatchNormalization(name="masked")(inputs, mask=keras.layers.Activation("relu")(inputs))
    with pytest.raises(LmnetError, match="masked cannot be exported: it takes more than one tensor or list"):
        onnx_model(keras.Model(inputs, masked))


def test_joining_other_things_than_channels_is_refused_by_name():
    inputs = keras.Input((8, 8, 3))
    joined = keras.layers.Concatenate(axis=1, name="rows")([inputs, keras.layers.BatchNormalization()(inputs)])
    with pytest.raises(LmnetError, match="rows cannot be exported: it joins something else than channels"):
        onnx_model(keras.Model(inputs, joined))


@pytest.mark.parametrize(
    "layer",
    [keras.layers.Dropout(0.5, name="odd"), keras.layers.Activation("tanh", name="odd"), keras.layers.Add(name="odd")],
)
def test_unknown_layer_is_refused_by_name(layer):
    inputs = keras.Input((8, 8, 3))
    with pytest.raises(LmnetError, match="odd cannot be exported: it has no ONNX form"):
        onnx_model(keras.Model(inputs, layer([inputs, inputs] if isinstance(layer, keras.layers.Add) else inputs)))


@pytest.mark.parametrize("name", ["binary_mean_scaling", "binary_channel_wise_mean_scaling"])
def test_exported_weight_quantizer_takes_zero_as_positive(name):
    model = networks.build(settings(weight_quantizer=name), len(CLASSES))
    model.get_layer("conv11").set_weights([np.broadcast_to(np.float32([-1, 0, 0])[:, None, None, None], (3, 3, 32, 3))])
    proto = onnx_model(model)
    proto.graph.output.append(onnx.helper.make_empty_tensor_value_info("conv11/weight_quantizer:0"))
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.zeros((1, *SIZE, 3), np.float32)
    (weight,) = session.run(["conv11/weight_quantizer:0"], {"images_placeholder": image})
    assert (weight > 0).mean() == pytest.approx(2 / 3)
