"""Network architectures by name. Names, sizes and twins are known here without importing Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmnet import limits
from lmnet.errors import LmnetError
from lmnet.registry import Registry, imported

if TYPE_CHECKING:
    import keras

    from lmnet.settings import Settings

QUANTIZED = "Quantize"
"""What the name of a quantized network ends with; without it, it is the name of its float twin."""

Builder = Callable[..., "keras.Model"]
"""``(settings, classes, *, quantize) -> model``: pixels float32 [N, H, W, 3] to logits float32 [N, H, W, classes]."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What two networks share: the quantized one, ``NAMEQuantize``, and its float twin, ``NAME``.

    Attributes:
        builder: the function that builds both, or ``module:function`` where it is, imported when first called.
        size_multiple: pixels by which height and width must be divisible.
    """

    builder: Builder | str
    size_multiple: int

    def __call__(self, settings: Settings, classes: int, *, quantize: bool) -> keras.Model:
        """Return the network, its weights drawn from Keras' global seed."""
        return imported(self.builder)(settings, classes, quantize=quantize)


ARCHITECTURES: Registry[Architecture] = Registry(
    "network",
    {
        "LmSegnetV1": Architecture("lmnet.networks.segmentation.lm_segnet_v1:lm_segnet_v1", size_multiple=8),
        "LmUnetV1": Architecture("lmnet.networks.segmentation.lm_unet_v1:lm_unet_v1", size_multiple=8),
    },
)


def names() -> tuple[str, ...]:
    """Return the names of all networks, the quantized ones first."""
    return (*(f"{name}{QUANTIZED}" for name in ARCHITECTURES), *ARCHITECTURES)


def architecture(network: str) -> tuple[Architecture, bool]:
    """Return the architecture of a network, and whether it is the quantized one.

    Raises:
        ValueError: there is no network of this name.
    """
    if network not in names():
        raise ValueError(f"one of {', '.join(names())}")
    return ARCHITECTURES[network.removesuffix(QUANTIZED)], network.endswith(QUANTIZED)


def float_twin(network: str) -> str:
    """Return the name of the same network without quantizers, the name itself where it has none."""
    return network.removesuffix(QUANTIZED)


def check_image_size(size: tuple[int, int], network: str) -> None:
    """Check that a network can divide (height, width).

    Raises:
        ValueError: it cannot; the nearest size that fits is named.
    """
    limits.check_multiple(size, architecture(network)[0].size_multiple, network)


def build(settings: Settings, classes: int) -> keras.Model:
    """Return the network that the settings name, with new weights drawn from Keras' global seed.

    Args:
        settings: the run's settings.
        classes: number of output classes.

    Raises:
        LmnetError: the image size does not fit the network (settings changed by ``model_copy`` are not checked).
    """
    try:
        check_image_size(settings.image_size, settings.network)
    except ValueError as error:
        raise LmnetError(
            f"The image size does not fit the network {settings.network}.",
            where="IMAGE_SIZE",
            expected=str(error),
            received="x".join(map(str, settings.image_size)),
        ) from None
    make, quantize = architecture(settings.network)
    return make(settings, classes, quantize=quantize)


def at_train_size(settings: Settings, classes: int) -> keras.Model:
    """Return a new network at the size of the training pictures; arguments and errors as of ``build``."""
    return build(settings.model_copy(update={"image_size": settings.train_size}), classes)


def at_image_size(model: keras.Model, settings: Settings, classes: int, *, copy: bool = False) -> keras.Model:
    """Return a network in float32 at the image size of the settings: the model itself where it is one already.

    Args:
        model: the trained network, built for its training crops, and in mixed precision perhaps.
        settings: of its run.
        classes: number of output classes.
        copy: return another one in any case.
    """
    in_float32 = all(layer.compute_dtype == "float32" for layer in model.layers)
    if not copy and in_float32 and model.input_shape[1:3] == tuple(settings.image_size):
        return model
    network = build(settings, classes)
    network.set_weights(model.get_weights())
    return network
