"""A network of three blocks in place of LmSegnetV1, for tests of what surrounds it: TensorFlow traces it in no time."""

from __future__ import annotations

import keras
import pytest

from lmnet import networks
from lmnet.layers import DepthToSpace, SpaceToDepth
from lmnet.networks.blocks import conv_block
from lmnet.quantizers import BinaryMeanScalingQuantizer, LinearMidTreadHalfQuantizer
from lmnet.settings import Settings


def tiny(settings: Settings, classes: int) -> keras.Model:
    """Return a network with every kind of layer that LmSegnetV1Quantize has."""
    x = inputs = keras.Input((*settings.image_size, 3))
    x = SpaceToDepth(2)(x)
    x = conv_block(x, "conv1", 8, 1, kernel_quantizer=None, activation=LinearMidTreadHalfQuantizer())
    x = conv_block(
        x, "conv2", 16, 3, kernel_quantizer=BinaryMeanScalingQuantizer(), activation=LinearMidTreadHalfQuantizer()
    )
    x = DepthToSpace(2)(x)
    x = conv_block(x, "conv3", classes, 3, kernel_quantizer=BinaryMeanScalingQuantizer(), activation=None)
    return keras.Model(inputs, x, name=settings.network)


def use(patch: pytest.MonkeyPatch) -> None:
    """Train the tiny network under the name LmSegnetV1Quantize."""
    patch.setitem(networks.NETWORKS, "LmSegnetV1Quantize", tiny)
