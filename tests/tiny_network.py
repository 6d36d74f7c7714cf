"""A network of three blocks in place of LmSegnetV1, for tests of what surrounds it: TensorFlow traces it in no time."""

from __future__ import annotations

import keras
import pytest

from lmnet import networks
from lmnet.layers import DepthToSpace, SpaceToDepth
from lmnet.networks.blocks import Blocks
from lmnet.settings import Settings


def tiny(settings: Settings, classes: int, *, quantize: bool) -> keras.Model:
    """Return a network with every kind of layer that LmSegnetV1Quantize has."""
    block = Blocks(settings, quantize)
    x = inputs = keras.Input((*settings.image_size, 3))
    x = SpaceToDepth(2)(x)
    x = block.first(x, "conv1", 8, 1)
    x = block(x, "conv2", 16)
    x = DepthToSpace(2)(x)
    x = block.last(x, "conv3", classes, 3)
    return keras.Model(inputs, x, name=settings.network)


def use(patch: pytest.MonkeyPatch) -> None:
    """Train the tiny network under the name LmSegnetV1."""
    patch.setitem(networks.ARCHITECTURES, "LmSegnetV1", networks.Architecture(tiny, size_multiple=2))
