"""A network, a dataset format, an augmentor and a loss of one's own. The page docs/plugins.md explains them."""

from functools import cache

import keras
import numpy as np
from keras import ops

from lmnet.augmentors import Parameter, Range
from lmnet.datasets import VOID, Dataset, Pair, Sample, Split
from lmnet.errors import LmnetError
from lmnet.layers import DepthToSpace, SpaceToDepth
from lmnet.networks.blocks import Blocks
from lmnet.plugins import augmentor, dataset, loss, network
from lmnet.processors.images import read_image
from lmnet.processors.pre import resize, resize_classes
from lmnet.replicas import total


@network("Small", size_multiple=4)
def small(settings, classes, *, quantize):
    """Three convolutions at a quarter of the size."""
    block = Blocks(settings, quantize)
    inputs = keras.Input((*settings.image_size, 3), name="images_placeholder")
    x = SpaceToDepth(2, name="s2d1")(inputs)
    x = block.first(x, "conv1", 16, 1)
    x = SpaceToDepth(2, name="s2d2")(x)
    x = block(x, "conv2", 64)
    x = DepthToSpace(2, name="d2s1")(x)
    x = block.last(x, "conv3", 4 * classes, 3)
    x = DepthToSpace(2, name="d2s2")(x)
    return keras.Model(inputs, x, name=settings.network)


@dataset("Folders")
def folders(settings):
    """Pictures in train/ and val/, masks of the same names in trainannot/ and valannot/; no lists."""
    classes = ("Sky", "Building", "Pole", "Road", "Pavement", "Tree", "Sign", "Fence", "Car", "Person", "Bicyclist")

    @cache  # in memory from the first time on
    def read(pair):
        mask = np.asarray(read_image(pair.mask))[..., 0].copy()
        mask[mask >= len(classes)] = VOID
        image = resize(read_image(pair.image), settings.image_size)
        return Sample(image, resize_classes(mask, settings.image_size), pair.image.stem)

    def split(name, folder):
        images = sorted((folder / name).glob("*.png"))
        if not images:
            raise LmnetError("there are no pictures", where=str(folder / name), expected="PNG files")
        pairs = (Pair(image, folder / f"{name}annot" / image.name, where=str(image)) for image in images)
        return Split(name, tuple(pairs), read)

    validation = settings.validation_path or settings.train_path
    return Dataset(classes, train=split("train", settings.train_path), validation=split("val", validation))


@augmentor(
    "Noise",
    "Adds noise, as a camera does in the dark.",
    Parameter("deviation", (0.0, 8.0), Range(0, 100), "levels of 0..255, drawn evenly between the two"),
)
def noise(image, mask, rng, deviation):
    """Return new arrays; ``rng`` is the only source of chance, so that a run can go on where it stopped."""
    grain = rng.normal(0.0, rng.uniform(*deviation), image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8), mask


@keras.saving.register_keras_serializable("own")
class Focal(keras.losses.Loss):
    """Crossentropy times (1 - p)^gamma, p the probability of the true class: what is learned already weighs less."""

    def __init__(self, gamma=2.0, name="focal", reduction=None):
        super().__init__(name=name, reduction=reduction)
        self.gamma = gamma

    def call(self, y_true, y_pred):
        """Return the mean over the labelled pixels of masks [N, H, W] and logits [N, H, W, C].

        Devices that share a batch each return their part of it: what they divide by is the whole batch's.
        """
        labelled = ops.not_equal(y_true, VOID)
        label = ops.where(labelled, ops.cast(y_true, "int32"), 0)
        counted = ops.cast(labelled, y_pred.dtype)
        crossentropy = ops.sparse_categorical_crossentropy(label, y_pred, from_logits=True)
        focused = crossentropy * (1.0 - ops.exp(-crossentropy)) ** self.gamma
        return ops.sum(focused * counted) / ops.maximum(total(ops.sum(counted)), 1.0)

    def get_config(self):
        """Return the constructor's arguments: a checkpoint keeps them."""
        return super().get_config() | {"gamma": self.gamma}


@loss("focal")
def focal(settings, data):
    """Return the loss of a run; the dataset is there for losses that need its frequencies."""
    return Focal(gamma=2.0)
