"""LmSegnetV1: eleven convolutions between space_to_depth and depth_to_space, one logit map a class at full size."""

from __future__ import annotations

import keras

from lmnet.layers import DepthToSpace, SpaceToDepth
from lmnet.networks.blocks import Blocks
from lmnet.settings import Settings

# In order; a convolution has (filters, kernel side), filters None being the number of classes.
BODY: tuple[tuple[str, tuple[int | None, int] | None], ...] = (
    ("s2d1", None),
    ("conv1", (16, 1)),
    ("s2d2", None),
    ("conv2", (64, 3)),
    ("conv3", (64, 3)),
    ("s2d3", None),
    ("conv4", (256, 3)),
    ("conv5", (256, 3)),
    ("conv6", (256, 3)),
    ("conv7", (256, 3)),
    ("d2s1", None),
    ("conv8", (128, 3)),
    ("d2s2", None),
    ("conv9", (128, 3)),
    ("d2s3", None),
    ("conv10", (32, 3)),
    ("conv11", (None, 3)),
)
FIRST, LAST = "conv1", "conv11"


def lm_segnet_v1(settings: Settings, classes: int, *, quantize: bool) -> keras.Model:
    """Return the network: float32 [N, H, W, 3] preprocessed pixels to float32 [N, H, W, classes] logits.

    Args:
        settings: image size (multiples of 8), quantizers, and what is quantized at the two ends.
        classes: number of classes, 1 or more.
        quantize: 1-bit kernels and low-bit activations; else the same network in float with ReLU.
    """
    block = Blocks(settings, quantize)
    x = inputs = keras.Input((*settings.image_size, 3), name="images_placeholder")
    for name, convolution in BODY:
        if convolution is None:
            x = (SpaceToDepth if name.startswith("s2d") else DepthToSpace)(2, name=name)(x)
            continue
        filters, kernel_size = convolution
        make = {FIRST: block.first, LAST: block.last}.get(name, block)
        x = make(x, name, filters or classes, kernel_size)
    return keras.Model(inputs, x, name=settings.network)
