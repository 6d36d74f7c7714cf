"""Our side: LmSegnetV1Quantize with fresh weights, through the converter to a program or the x86 library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dlk.lowering.program import Program

CLASSES = 11


def lowered_network(height: int, width: int, folder: Path, image: NDArray[np.uint8] | None = None) -> Program:
    """Return LmSegnetV1Quantize at this size as a lowered program; the weights are random, the same at every size.

    image: uint8 [H, W, 3] that ``folder/export`` holds the reference of; None: random pixels.
    """
    import keras

    from dlk.frontends.onnx import load
    from dlk.lowering import lower
    from dlk.package.assemble import read_meta
    from dlk.passes import run_passes
    from lmnet import networks
    from lmnet.export import export
    from lmnet.settings import Settings

    keras.utils.set_random_seed(0)
    if image is None:
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    settings = Settings(train_path=Path("unused"), image_size=(height, width))
    model = networks.build(settings, CLASSES)
    exported = folder / "export"
    export(
        model,
        exported,
        settings=settings,
        classes=[f"class{i}" for i in range(CLASSES)],
        images=image[None],
        experiment="bench",
        checkpoint="none",
    )
    graph = load(exported / "model.onnx")
    run_passes(graph)
    return lower(graph, read_meta(exported / "meta.yaml"))


def build_library(program: Program, folder: Path) -> Path:
    """Build libdlk_x86.so of a program in ``folder``."""
    from dlk.build import build
    from dlk.codegen import emit
    from dlk.targets import TARGETS

    emit(program, folder, TARGETS["x86"])
    return build(folder, TARGETS["x86"])
