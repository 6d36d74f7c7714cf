"""The networks with numbers as training leaves them, and with few channels, for tests of what is made of a network."""

from __future__ import annotations

import importlib

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from lmnet import networks
from lmnet.networks.blocks import Blocks
from lmnet.processors.pre import PRE_PROCESSORS
from lmnet.settings import Settings


def lively(settings: Settings, classes: int, images: NDArray[np.uint8]) -> keras.Model:
    """Return a network whose batch statistics fit its activations on the images, with random gamma and beta."""
    keras.utils.set_random_seed(1)
    model = networks.build(settings, classes)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0
        norm.gamma.assign(keras.random.uniform(norm.gamma.shape, -1.5, 1.5))
        norm.beta.assign(keras.random.uniform(norm.beta.shape, 0, 1.5))
    for _ in norms:
        model(np.stack([PRE_PROCESSORS[settings.preprocessor](image) for image in images]), training=True)
    return model


def noise(size: tuple[int, int], count: int = 2) -> NDArray[np.uint8]:
    """Return pictures of nothing."""
    return np.random.default_rng(0).integers(0, 256, (count, *size, 3)).astype(np.uint8)


class _ThinBlocks(Blocks):
    """A sixteenth of the filters, in fours for what moves them into space; but all of the logits."""

    def __call__(self, x, name, filters, *args, **values):
        return super().__call__(x, name, 4 * -(-filters // 64), *args, **values)

    def last(self, *args):
        return Blocks(self.settings, self.quantize).last(*args)


def thin(patch: pytest.MonkeyPatch) -> None:
    """Give every network a sixteenth of its channels and all of its layers: compilers are done with it in no time."""
    for known in networks.ARCHITECTURES.values():
        module = importlib.import_module(known.builder.partition(":")[0])
        patch.setattr(module, "Blocks", _ThinBlocks)
