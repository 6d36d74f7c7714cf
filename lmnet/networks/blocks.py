"""The block that the networks are made of: convolution, batch normalization, activation."""

from __future__ import annotations

import keras
from keras import KerasTensor

from lmnet.layers import QuantizedActivation, QuantizedConv2D
from lmnet.quantizers import ActivationQuantizer, Quantizer

BATCH_NORM_MOMENTUM = 0.99
BATCH_NORM_EPSILON = 1e-3


def conv_block(
    x: KerasTensor,
    name: str,
    filters: int,
    kernel_size: int,
    *,
    kernel_quantizer: Quantizer | None,
    activation: ActivationQuantizer | str | None,
) -> KerasTensor:
    """Return convolution without bias, batch normalization and activation of ``x`` float [N, H, W, in].

    Args:
        x: input of the block.
        name: name of the block; its layers are ``name``, ``name_bn`` and ``name_act``.
        filters: output channels.
        kernel_size: side of the kernel, odd.
        kernel_quantizer: none gives a float kernel.
        activation: a quantizer, the name of a Keras activation, or none.
    """
    x = QuantizedConv2D(filters, kernel_size, kernel_quantizer=kernel_quantizer, name=name)(x)
    x = keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, name=f"{name}_bn")(x)
    match activation:
        case None:
            return x
        case ActivationQuantizer():
            return QuantizedActivation(activation, name=f"{name}_act")(x)
        case _:
            return keras.layers.Activation(activation, name=f"{name}_act")(x)
