"""Export folders of small networks, with golden tensors made by onnxruntime in place of TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import yaml
from graphs import META, Layer, build, run_onnx

from lmnet.processors.pre import PRE_PROCESSORS

REPOSITORY = Path(__file__).parents[3]
PROCESSORS = REPOSITORY / "lmnet" / "processors"
SIZE = (8, 8)
CLASSES = META["CLASSES"]
BITS, MAX_VALUE = 2, 2.0
LAYERS = ("conv1", "conv2", "conv3", "conv4")


def network(*, seed: int = 0) -> onnx.ModelProto:
    """Return a small LmSegnet: moves, a float first layer, two 3x3 layers of codes, logits."""
    return build(
        [
            ("s2d", "s2d1"),
            Layer("conv1", 1, 8, ""),
            Layer("conv2", 3, 8),
            ("s2d", "s2d2"),
            Layer("conv3", 3, 64),
            ("d2s", "d2s1"),
            Layer("conv4", 3, 16),
            ("d2s", "d2s2"),
            Layer("conv5", 3, len(CLASSES), bits=0),
        ],
        size=SIZE,
        seed=seed,
    )


def write_export(
    folder: Path,
    *,
    images: int = 2,
    seed: int = 0,
    model: onnx.ModelProto | None = None,
    layers: Sequence[str] = LAYERS,
) -> Path:
    """Write model.onnx, meta.yaml, reference.npz and a stand-in for the frozen graph; return the folder.

    model: instead of ``network``, for images of SIZE; layers: those of its layers that make codes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = model or network(seed=seed)
    onnx.save(model, folder / "model.onnx")
    meta = {**META, "IMAGE_SIZE": list(SIZE)}
    (folder / "meta.yaml").write_text(yaml.safe_dump(meta, sort_keys=False))
    (folder / "minimal_graph_with_shape.pb").write_bytes(b"a frozen graph")
    pixels = np.random.default_rng(seed + 1).integers(0, 256, (images, *SIZE, 3), dtype=np.uint8)
    inputs = np.stack([PRE_PROCESSORS["DivideBy255"](image) for image in pixels])
    fetch = [f"{layer}/activation_quantizer:0" for layer in layers]
    model.graph.value_info.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in fetch
    )
    found = [run_onnx(model, values, (*fetch, "output")) for values in inputs]
    codes = {}
    for index, layer in enumerate(layers):
        values = np.stack([arrays[index] for arrays in found]).transpose(0, 2, 3, 1)
        codes[f"codes/{layer}"] = np.round(values * (2**BITS - 1) / MAX_VALUE).astype(np.uint8)
    output = np.stack([arrays[-1] for arrays in found])
    np.savez_compressed(folder / "reference.npz", images=pixels, input=inputs, output=output, **codes)
    return folder
