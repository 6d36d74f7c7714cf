"""Run a checkpoint in Keras, image by image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmnet import networks
from lmnet.evaluation.runner import Run
from lmnet.settings import Settings
from lmnet.training import checkpoints


def load(checkpoint_folder: Path, settings: Settings) -> Run:
    """Return the network of a checkpoint ``save.ckpt-N`` as a function of one preprocessed image.

    Args:
        checkpoint_folder: the checkpoint.
        settings: of its run; the image has their ``image_size``.

    Raises:
        LmnetError: the checkpoint cannot be read.
    """
    trained, state = checkpoints.load(checkpoint_folder, compiled=False)
    model = networks.at_image_size(trained, settings, len(state.classes))

    def run(image: NDArray[np.float32]) -> NDArray[np.float32]:
        return model.predict_on_batch(image[None])[0]

    return run
