"""Write the four files of an export, all or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from lmnet import networks
from lmnet.errors import LmnetError
from lmnet.export.freeze import frozen_graph
from lmnet.export.meta import meta_text
from lmnet.export.onnx_graph import onnx_model
from lmnet.export.reference import golden_tensors
from lmnet.settings import Settings

ONNX, GRAPH, REFERENCE, META = "model.onnx", "minimal_graph_with_shape.pb", "reference.npz", "meta.yaml"
FILES = (ONNX, GRAPH, REFERENCE, META)


def export(
    model: keras.Model,
    directory: Path,
    *,
    settings: Settings,
    classes: Sequence[str],
    images: NDArray[np.uint8],
    experiment: str,
    checkpoint: str,
) -> None:
    """Write model.onnx, minimal_graph_with_shape.pb, reference.npz and meta.yaml into a folder.

    The files appear when all four are whole, meta.yaml last; other things in the folder stay.

    Args:
        model: trained network.
        directory: made if absent.
        settings: of the run; ``image_size`` may differ from the model's, for the network is fully convolutional.
        classes: class names in the order of the outputs.
        images: RGB uint8 [N,H,W,3] at ``settings.image_size``, N >= 1, for the golden tensors.
        experiment: id of the experiment.
        checkpoint: name of the checkpoint.

    Raises:
        LmnetError: a layer cannot be exported, the image size does not fit the network, or Keras runs on another
            backend than TensorFlow.
    """
    if (backend := keras.backend.backend()) != "tensorflow":
        raise LmnetError(
            "The frozen graph is TensorFlow's: another backend cannot write it.",
            where="KERAS_BACKEND",
            expected="tensorflow",
            received=backend,
            fix="KERAS_BACKEND=tensorflow for the export alone; a checkpoint is the same from every backend",
        )
    expected = (*settings.image_size, 3)
    if images.ndim != 4 or images.shape[1:] != expected or len(images) == 0 or images.dtype != np.uint8:
        raise ValueError(f"expected images uint8 [N,{expected}], N >= 1; received {images.dtype} {images.shape}")
    network = networks.at_image_size(model, settings, len(classes))
    directory.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".unfinished-{directory.name}-", dir=directory.parent))
    try:
        (unfinished / ONNX).write_bytes(onnx_model(network).SerializeToString(deterministic=True))
        (unfinished / GRAPH).write_bytes(frozen_graph(network).SerializeToString(deterministic=True))
        golden = golden_tensors(unfinished / GRAPH, network, images, settings.preprocessor)
        np.savez_compressed(unfinished / REFERENCE, **golden)  # type: ignore[arg-type]
        text = meta_text(settings, classes, experiment, checkpoint)
        (unfinished / META).write_text(text, encoding="utf-8")
        directory.mkdir(exist_ok=True)
        (directory / META).unlink(missing_ok=True)
        for name in FILES:
            (unfinished / name).replace(directory / name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
