"""Small graphs in the contract of the export, built with onnx.helper, and the ways to run them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from dlk.frontends.functions import body
from dlk.frontends.onnx import load
from dlk.ir.ops import EXPORT_DOMAIN

FUNCTIONS = [
    body(EXPORT_DOMAIN, name)
    for name in (
        "BinaryMeanScalingQuantizer",
        "BinaryChannelWiseMeanScalingQuantizer",
        "LinearMidTreadHalfQuantizer",
    )
]
EPSILON = float(np.float32(1e-3))


@dataclass
class Layer:
    """A block: window k, filters, what quantizes weights ('', 'tensor', 'channel') and activations (bits or 0).

    window: rows and columns where they differ; pads: as ONNX has them, SAME for stride 1 unless given.
    """

    name: str
    k: int = 1
    filters: int = 4
    weights: str = "tensor"
    bits: int = 2
    max_value: float = 2.0
    kernel: NDArray[np.float32] | None = None
    norm: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    relu: bool = False
    epsilon: float = EPSILON
    stride: int = 1
    window: tuple[int, int] | None = None
    pads: Sequence[int] | None = None


class Builder:
    """Writes nodes one after the other on a running value."""

    def __init__(self, height: int, width: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self.size = (height, width)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.value, self.channels = "images_placeholder", 3

    def add(self, op: str, name: str, inputs: Sequence[str], *, domain: str = "", **attributes: object) -> str:
        output = f"{name}:0"
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=name, domain=domain, **attributes))
        return output

    def store(self, name: str, values: NDArray[np.float32]) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def move(self, op: str, name: str, block: int = 2) -> None:
        extra = {"mode": "DCR"} if op == "DepthToSpace" else {}
        self.value = self.add(op, name, [self.value], blocksize=block, **extra)
        self.channels = self.channels * block**2 if op == "SpaceToDepth" else self.channels // block**2

    def layer(self, layer: Layer) -> None:
        rows, columns = layer.window or (layer.k, layer.k)
        shape = (layer.filters, self.channels, rows, columns)
        kernel = self.rng.standard_normal(shape) if layer.kernel is None else layer.kernel
        assert kernel.shape == shape
        weights = self.store(f"{layer.name}/kernel", kernel)
        if layer.weights:
            middle = "ChannelWise" if layer.weights == "channel" else ""
            quantizer = f"Binary{middle}MeanScalingQuantizer"
            weights = self.add(quantizer, f"{layer.name}/weight_quantizer", [weights], domain="blueoil")
        value = self.add(
            "Conv",
            f"{layer.name}/conv",
            [self.value, weights],
            kernel_shape=[rows, columns],
            strides=[layer.stride] * 2,
            pads=[rows // 2, columns // 2] * 2 if layer.pads is None else list(layer.pads),
        )
        norm = {**self.random_norm(layer.filters, rows * columns * self.channels), **layer.norm}
        names = [self.store(f"{layer.name}/{key}", norm[key]) for key in ("gamma", "beta", "mean", "variance")]
        value = self.add("BatchNormalization", f"{layer.name}/batch_norm", [value, *names], epsilon=layer.epsilon)
        if layer.bits:
            value = self.add(
                "LinearMidTreadHalfQuantizer",
                f"{layer.name}/activation_quantizer",
                [value],
                domain="blueoil",
                bits=layer.bits,
                max_value=layer.max_value,
            )
        if layer.relu:
            value = self.add("Relu", f"{layer.name}/relu", [value])
        self.value, self.channels = value, layer.filters

    def random_norm(self, filters: int, fan_in: int) -> dict[str, NDArray[np.float32]]:
        """Statistics near those of the sums, so that all codes occur; signs of gamma are mixed, one gamma is 0."""
        rng = self.rng
        gamma = rng.uniform(0.5, 1.5, filters) * rng.choice([-1, 1], filters)
        if filters > 3:
            gamma[filters // 2] = 0
        return {
            "gamma": gamma,
            "beta": rng.uniform(0.3, 1.3, filters),
            "mean": rng.normal(0, 0.3, filters) * np.sqrt(fan_in),
            "variance": rng.uniform(0.2, 1.5, filters) * fan_in,
        }

    def model(self) -> onnx.ModelProto:
        height, width = self.size
        output = self.add("Transpose", "to_nhwc", [self.value], perm=[0, 2, 3, 1])
        self.nodes[-1].output[0] = "output"
        del output
        used = {node.op_type for node in self.nodes if node.domain == "blueoil"}
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("images_placeholder", onnx.TensorProto.FLOAT, [1, height, width, 3])],
            [helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, [1, None, None, self.channels])],
            self.weights,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("blueoil", 1)],
            functions=[f for f in FUNCTIONS if f.name in used],
            ir_version=10,
        )
        helper.set_model_props(model, {"blueoil.version": "0.1.0", "blueoil.network": "Test"})
        return model


def build(
    parts: Sequence[Layer | tuple[str, str]], *, size: tuple[int, int] = (4, 6), seed: int = 0
) -> onnx.ModelProto:
    """Build a network of layers and moves ('s2d'|'d2s', name) between the two transposes of the contract."""
    builder = Builder(*size, np.random.default_rng(seed))
    builder.value = builder.add("Transpose", "to_nchw", ["images_placeholder"], perm=[0, 3, 1, 2])
    for part in parts:
        if isinstance(part, Layer):
            builder.layer(part)
        else:
            builder.move({"s2d": "SpaceToDepth", "d2s": "DepthToSpace"}[part[0]], part[1])
    return builder.model()


def segnet(
    *,
    first: str = "",
    logits: bool = True,
    weights: str = "tensor",
    bits: int = 2,
    size: tuple[int, int] = (8, 8),
    classes: int = 5,
    seed: int = 0,
) -> onnx.ModelProto:
    """Build a small network in the shape of LmSegnet. first: '' float kernel, or 'tensor'/'channel' binary."""
    return build(
        [
            ("s2d", "s2d1"),
            Layer("conv1", 1, 4, first, bits),
            ("s2d", "s2d2"),
            Layer("conv2", 3, 8, weights, bits),
            ("d2s", "d2s1"),
            Layer("conv3", 3, 8, weights, bits, max_value=1.3),
            ("d2s", "d2s2"),
            Layer("conv4", 3, classes, weights, 0 if logits else bits),
        ],
        size=size,
        seed=seed,
    )


META = {
    "version": 1,
    "experiment": "test_20260101000000",
    "checkpoint": "save.ckpt-1",
    "network": "Test",
    "TASK": "IMAGE.SEMANTIC_SEGMENTATION",
    "CLASSES": ["a", "b", "c", "d", "e"],
    "DATA_FORMAT": "NHWC",
    "IMAGE_SIZE": [8, 8],
    "PRE_PROCESSOR": [{"Resize": {"size": [8, 8], "resample": "NEAREST"}}, {"DivideBy255": None}],
    "POST_PROCESSOR": None,
}


def image(model: onnx.ModelProto, seed: int = 1) -> NDArray[np.float32]:
    """Return a random input [H, W, 3] for the model."""
    dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    return np.random.default_rng(seed).standard_normal(dims[1:]).astype(np.float32)


def to_ir(model: onnx.ModelProto, folder: Path) -> ir.Model:
    """Write the model and read it through the frontend."""
    path = folder / "model.onnx"
    onnx.save(model, path)
    return load(path)


def run_onnx(model: onnx.ModelProto | ir.Model, x: NDArray, fetch: Sequence[str] = ("output",)) -> list[NDArray]:
    """Run any stage in onnxruntime on [H, W, 3] and return the named values without the batch.

    A fetched value becomes an output of the run's own copy of the graph.
    """
    proto = ir.to_proto(model) if isinstance(model, ir.Model) else model
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    present = {value.name for value in copy.graph.output}
    made = {value.name: value for value in copy.graph.value_info}
    copy.graph.output.extend(made[name] for name in fetch if name not in present)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(copy.SerializeToString(), options)
    return [value[0] for value in session.run(list(fetch), {"images_placeholder": x[None]})]
