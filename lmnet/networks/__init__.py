"""Network architectures by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras

from lmnet import limits
from lmnet.errors import LmnetError
from lmnet.networks.segmentation.lm_segnet_v1 import lm_segnet_v1
from lmnet.settings import Settings

NETWORKS: dict[str, Callable[[Settings, int], keras.Model]] = {
    "LmSegnetV1": partial(lm_segnet_v1, quantize=False),
    "LmSegnetV1Quantize": partial(lm_segnet_v1, quantize=True),
}


def build(settings: Settings, classes: int) -> keras.Model:
    """Return the network that the settings name, with new weights drawn from Keras' global seed.

    Args:
        settings: the run's settings.
        classes: number of output classes.

    Raises:
        LmnetError: the image size does not fit the network (settings changed by ``model_copy`` are not checked).
    """
    try:
        limits.check_image_size(settings.image_size, settings.network)
    except ValueError as error:
        raise LmnetError(
            f"The image size does not fit the network {settings.network}.",
            where="IMAGE_SIZE",
            expected=str(error),
            received="x".join(map(str, settings.image_size)),
        ) from None
    return NETWORKS[settings.network](settings, classes)
