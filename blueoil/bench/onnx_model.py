"""The same topology as ONNX, in float32 and as int8 with QDQ nodes, for onnxruntime and OpenVINO.

Batch norm is folded into a bias, as every engine would fold it; weights are random, which does not change the time.
int8 is the form that onnxruntime advises for x86: uint8 activations, int8 weights with one scale a channel, calibrated
on random images. The moves are Reshape and Transpose there, which the quantizer carries in int8.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blueoil.bench.topology import Conv, parts

if TYPE_CHECKING:
    import onnx

CALIBRATION_IMAGES = 3
OPSET = 17


def float_model(height: int, width: int, classes: int) -> onnx.ModelProto:
    """Build LmSegnetV1 with random weights: float32 NCHW in, class scores out."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, values: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def move(value: str, down: bool, name: str, shape: tuple[int, int, int]) -> str:
        """Space to depth or back by 2x2 blocks, block first in the depth channels, as six dimensions."""
        channels, rows, columns = shape
        if down:
            split, order = [1, channels, rows // 2, 2, columns // 2, 2], [0, 3, 5, 1, 2, 4]
            joined = [1, channels * 4, rows // 2, columns // 2]
        else:
            split, order = [1, 2, 2, channels // 4, rows, columns], [0, 3, 4, 1, 5, 2]
            joined = [1, channels // 4, rows * 2, columns * 2]
        nodes.append(
            helper.make_node("Reshape", [value, constant(f"{name}_split", np.array(split, np.int64))], [f"{name}_6d"])
        )
        nodes.append(helper.make_node("Transpose", [f"{name}_6d"], [f"{name}_t"], perm=order))
        nodes.append(
            helper.make_node("Reshape", [f"{name}_t", constant(f"{name}_join", np.array(joined, np.int64))], [name])
        )
        return name

    value, shape = "image", (3, height, width)
    steps = list(parts(height, width, classes))
    for number, part in enumerate(steps):
        name = f"step{number}"
        if not isinstance(part, Conv):
            value = move(value, part == "down", name, shape)
            down = part == "down"
            shape = (
                (shape[0] * 4, shape[1] // 2, shape[2] // 2) if down else (shape[0] // 4, shape[1] * 2, shape[2] * 2)
            )
            continue
        fan_in = part.channels * part.kernel**2
        weights = rng.standard_normal((part.filters, part.channels, part.kernel, part.kernel)) * (2 / fan_in) ** 0.5
        operands = [
            value,
            constant(f"{name}_w", weights.astype(np.float32)),
            constant(f"{name}_b", np.zeros(part.filters, np.float32)),
        ]
        last = number == len(steps) - 1
        result = "scores" if last else f"{name}_sum"
        pads = [part.kernel // 2] * 4
        nodes.append(helper.make_node("Conv", operands, [result], kernel_shape=[part.kernel] * 2, pads=pads))
        if not last:
            nodes.append(helper.make_node("Relu", [result], [name]))
        value, shape = name, (part.filters, part.height, part.width)
    graph = helper.make_graph(
        nodes,
        "LmSegnetV1",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, height, width])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, *shape])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def int8_model(model: onnx.ModelProto) -> onnx.ModelProto:
    """Quantize a float model statically: QDQ, U8S8, one scale a channel, calibrated on random images."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]

    class RandomImages(CalibrationDataReader):
        def __init__(self) -> None:
            rng = np.random.default_rng(0)
            images = (rng.standard_normal(dims).astype(np.float32) for _ in range(CALIBRATION_IMAGES))
            self._images = iter([{"image": image} for image in images])

        def get_next(self) -> Any:
            return next(self._images, None)

    with tempfile.TemporaryDirectory(prefix="blueoil-qdq-") as folder:
        plain, quantized = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        onnx.save(model, plain)
        quantize_static(
            str(plain),
            str(quantized),
            RandomImages(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
        return onnx.load(quantized)
