"""LmUnetV1: a U of five resolutions, down to 1/32 and back up to every pixel, with a skip connection at each.

At 1/32 a window of 3x3 sees a fifth of the picture's width for a hundredth of the work at full size. A pixel's logits
depend on 360 or 392 rows, and as many columns, as it lies; those of LmSegnetV1 on 104. It has half of the
multiply-adds: 6.0 G against 11.7 G at 360x480. Skip connections are concatenations of codes, which cost nothing on the
device. The shape is that of Ronneberger et al., "U-Net", MICCAI 2015.
"""

from __future__ import annotations

import keras
from keras import KerasTensor

from lmnet.layers import DepthToSpace, SpaceToDepth
from lmnet.networks.blocks import Blocks
from lmnet.settings import Settings


def lm_unet_v1(settings: Settings, classes: int, *, quantize: bool) -> keras.Model:
    """Return the network: float32 [N, H, W, 3] preprocessed pixels to float32 [N, H, W, classes] logits.

    Args:
        settings: image size (multiples of 8), quantizers, and what is quantized at the two ends.
        classes: number of classes, 1 or more.
        quantize: 1-bit kernels and low-bit activations; else the same network in float with ReLU.
    """
    block = Blocks(settings, quantize)
    inputs = keras.Input((*settings.image_size, 3), name="images_placeholder")

    half = block.first(SpaceToDepth(name="s2d1")(inputs), "conv1", 24, 1)
    quarter = block(SpaceToDepth(name="s2d2")(half), "conv2", 64)
    quarter = block(quarter, "conv3", 64)
    eighth = block(SpaceToDepth(name="s2d3")(quarter), "conv4", 128)
    eighth = block(eighth, "conv5", 128)
    # From here the sides need not be even: a window of stride 2 halves them, rounded up.
    sixteenth = block(eighth, "conv6", 192, strides=2)
    sixteenth = block(sixteenth, "conv7", 192)
    x = block(sixteenth, "conv8", 256, strides=2)
    x = block(x, "conv9", 256)
    x = block(x, "conv10", 256)

    x = _up(block, x, "d2s1", "conv11", 64, sixteenth)
    x = block(x, "conv12", 256)
    x = _up(block, x, "d2s2", "conv13", 64, eighth)
    x = block(x, "conv14", 128)
    x = _join("join3", DepthToSpace(name="d2s3")(x), quarter)
    x = block(x, "conv15", 96)
    x = _join("join4", DepthToSpace(name="d2s4")(x), half)
    # Poles and signs are two to four pixels wide: the finest features get two windows of half-size pixels.
    x = block(x, "conv16", 32)
    x = block.last(x, "conv17", 4 * classes, 3)
    return keras.Model(inputs, DepthToSpace(name="d2s5")(x), name=settings.network)


def _up(block: Blocks, x: KerasTensor, move: str, name: str, filters: int, skip: KerasTensor) -> KerasTensor:
    """Double the sides, cut what rounding up added, and put the skip connection beside it."""
    x = DepthToSpace(name=move)(x)
    crop = (x.shape[1] - skip.shape[1], x.shape[2] - skip.shape[2])
    return _join(move.replace("d2s", "join"), block(x, name, filters, crop=crop), skip)


def _join(name: str, x: KerasTensor, skip: KerasTensor) -> KerasTensor:
    return keras.layers.Concatenate(name=name)([x, skip])
