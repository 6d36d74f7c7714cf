"""Our side: LmSegnetV1Quantize with fresh weights, through the converter to the x86 library."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CLASSES = 11


def build_library(height: int, width: int, folder: Path) -> Path:
    """Build libdlk_x86.so of LmSegnetV1Quantize at this size in ``folder``; the weights are random."""
    import keras

    from dlk.build import build
    from dlk.codegen import emit
    from dlk.frontends.onnx import load
    from dlk.lowering import lower
    from dlk.package.assemble import read_meta
    from dlk.passes import run_passes
    from dlk.targets import TARGETS
    from lmnet import networks
    from lmnet.export import export
    from lmnet.settings import Settings

    keras.utils.set_random_seed(0)
    settings = Settings(train_path=Path("unused"), image_size=(height, width))
    model = networks.build(settings, CLASSES)
    exported = folder / "export"
    export(
        model,
        exported,
        settings=settings,
        classes=[f"class{i}" for i in range(CLASSES)],
        images=np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8),
        experiment="bench",
        checkpoint="none",
    )
    graph = load(exported / "model.onnx")
    run_passes(graph)
    emit(lower(graph, read_meta(exported / "meta.yaml")), folder / "project", TARGETS["x86"])
    return build(folder / "project", TARGETS["x86"])
