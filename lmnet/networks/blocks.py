"""The block that the networks are made of: convolution, batch normalization, activation."""

from __future__ import annotations

import keras
from keras import KerasTensor

from lmnet.layers import QuantizedActivation, QuantizedConv2D
from lmnet.quantizers import ACTIVATION_QUANTIZERS, WEIGHT_QUANTIZERS
from lmnet.settings import Settings

BATCH_NORM_MOMENTUM = 0.99
BATCH_NORM_EPSILON = 1e-3


class Blocks:
    """Makes the blocks of one network, with the quantizers that its settings name.

    Args:
        settings: quantizers, and what is quantized at the two ends.
        quantize: 1-bit kernels and low-bit activations; else float kernels and ReLU.
    """

    def __init__(self, settings: Settings, quantize: bool) -> None:
        self.settings = settings
        self.quantize = quantize

    def __call__(
        self,
        x: KerasTensor,
        name: str,
        filters: int,
        kernel_size: int | tuple[int, int] = 3,
        *,
        strides: int = 1,
        crop: tuple[int, int] = (0, 0),
        binary: bool = True,
        active: bool = True,
    ) -> KerasTensor:
        """Return convolution without bias, batch normalization and activation of ``x`` float [N, H, W, in].

        Args:
            x: input of the block.
            name: name of the block; its layers are ``name``, ``name_bn`` and ``name_act``.
            filters: output channels.
            kernel_size: as of QuantizedConv2D, as are strides and crop.
            strides: 1 or 2.
            crop: rows and columns that the output leaves out at its end.
            binary: where the network is quantized, the kernel is.
            active: has an activation.
        """
        quantizer = WEIGHT_QUANTIZERS[self.settings.weight_quantizer]() if self.quantize and binary else None
        x = QuantizedConv2D(filters, kernel_size, strides=strides, crop=crop, kernel_quantizer=quantizer, name=name)(x)
        x = keras.layers.BatchNormalization(
            momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, name=f"{name}_bn"
        )(x)
        return self._activation(f"{name}_act")(x) if active else x

    def first(self, x: KerasTensor, name: str, filters: int, kernel_size: int) -> KerasTensor:
        """Return the block that reads pixels: its kernel is binary only where the settings say so."""
        return self(x, name, filters, kernel_size, binary=self.settings.quantize_first_layer)

    def last(self, x: KerasTensor, name: str, filters: int, kernel_size: int) -> KerasTensor:
        """Return the block that makes the logits: float, or levels of an activation where the settings say so."""
        active = self.quantize and self.settings.quantize_last_layer
        return self(x, name, filters, kernel_size, active=active)

    def _activation(self, name: str) -> keras.layers.Layer:
        if not self.quantize:
            return keras.layers.Activation("relu", name=name)
        make = ACTIVATION_QUANTIZERS[self.settings.activation_quantizer]
        quantizer = make(bits=self.settings.activation_bits, max_value=self.settings.activation_max_value)
        return QuantizedActivation(quantizer, name=name)
