"""Run a checkpoint in Keras, image by image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmnet.evaluation.runner import Run
from lmnet.training import checkpoints


def load(checkpoint_folder: Path) -> Run:
    """Return the network of a checkpoint ``save.ckpt-N`` as a function of one preprocessed image.

    Raises:
        LmnetError: the checkpoint cannot be read.
    """
    model, _ = checkpoints.load(checkpoint_folder, compiled=False)

    def run(image: NDArray[np.float32]) -> NDArray[np.float32]:
        return model.predict_on_batch(image[None])[0]

    return run
