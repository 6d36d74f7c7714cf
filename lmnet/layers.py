"""Keras layers of low-bit networks: quantized convolution and activation, space_to_depth and its inverse."""

from __future__ import annotations

from typing import Any, Self

import keras
from keras import KerasTensor, ops

from lmnet.quantizers.base import ActivationQuantizer, Quantizer

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("lmnet")
class QuantizedConv2D(keras.layers.Layer):
    """Convolution, stride 1, zero padding to the same size, no bias; its kernel goes through a quantizer.

    The quantizer sees the float32 master weight, whatever the layer's compute dtype.

    Args:
        filters: output channels.
        kernel_size: side of the square kernel, odd.
        kernel_quantizer: applied to the kernel float32 [kh, kw, in, out] at each call; none: a float kernel.
    """

    def __init__(
        self, filters: int, kernel_size: int, *, kernel_quantizer: Quantizer | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.kernel_quantizer = kernel_quantizer

    def build(self, input_shape: Shape) -> None:
        """Make the kernel, Glorot uniform."""
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform", autocast=False)

    def call(self, x: KerasTensor) -> KerasTensor:
        """Return float [N, H, W, filters] for float [N, H, W, in]."""
        kernel = ops.cast(self.kernel, "float32")
        if self.kernel_quantizer is not None:
            kernel = self.kernel_quantizer(kernel)
        return ops.conv(x, ops.cast(kernel, self.compute_dtype), strides=1, padding="same")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape with ``filters`` channels."""
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        quantizer = self.kernel_quantizer and keras.saving.serialize_keras_object(self.kernel_quantizer)
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "kernel_quantizer": quantizer}
        return super().get_config() | own

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the layer with these constructor arguments."""
        quantizer = config.get("kernel_quantizer")
        return cls(**(config | {"kernel_quantizer": keras.saving.deserialize_keras_object(quantizer)}))


@keras.saving.register_keras_serializable("lmnet")
class QuantizedActivation(keras.layers.Layer):
    """Activation that an activation quantizer computes.

    Args:
        quantizer: applied to the input.
    """

    def __init__(self, quantizer: ActivationQuantizer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.quantizer = quantizer

    def call(self, x: KerasTensor) -> KerasTensor:
        """Return the quantized activation, the shape of ``x``."""
        return self.quantizer(x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"quantizer": keras.saving.serialize_keras_object(self.quantizer)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the layer with these constructor arguments."""
        return cls(**(config | {"quantizer": keras.saving.deserialize_keras_object(config["quantizer"])}))


@keras.saving.register_keras_serializable("lmnet")
class SpaceToDepth(keras.layers.Layer):
    """Each block of pixels becomes one pixel with all its channels: channel = (row * block + column) * in + channel.

    Args:
        block_size: side of the block, pixels; divides height and width.
    """

    def __init__(self, block_size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.block_size = block_size

    def call(self, x: KerasTensor) -> KerasTensor:
        """Return float [N, H / b, W / b, C * b * b] for float [N, H, W, C]."""
        return ops.space_to_depth(x, self.block_size, data_format="channels_last")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape after the rearrangement."""
        batch, height, width, channels = input_shape
        b = self.block_size
        return (batch, height and height // b, width and width // b, channels and channels * b * b)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"block_size": self.block_size}


@keras.saving.register_keras_serializable("lmnet")
class DepthToSpace(keras.layers.Layer):
    """The inverse of SpaceToDepth.

    Args:
        block_size: side of the block, pixels; its square divides the number of channels.
    """

    def __init__(self, block_size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.block_size = block_size

    def call(self, x: KerasTensor) -> KerasTensor:
        """Return float [N, H * b, W * b, C / (b * b)] for float [N, H, W, C]."""
        return ops.depth_to_space(x, self.block_size, data_format="channels_last")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape after the rearrangement."""
        batch, height, width, channels = input_shape
        b = self.block_size
        return (batch, height and height * b, width and width * b, channels and channels // (b * b))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"block_size": self.block_size}
