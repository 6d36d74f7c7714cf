"""Keras layers of low-bit networks: quantized convolution and activation, space_to_depth and its inverse."""

from __future__ import annotations

from typing import Any, Self

import keras
from keras import KerasTensor, ops

from lmnet.quantizers.base import ActivationQuantizer, Quantizer

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("lmnet")
class QuantizedConv2D(keras.layers.Layer):
    """Convolution without bias, zero padding of ``side // 2`` all around; its kernel goes through a quantizer.

    With stride 1 the output has the input's size, with stride 2 half of it, rounded up; window i is centred on pixel
    ``i * strides``. The quantizer sees the float32 master weight, whatever the layer's compute dtype.

    Args:
        filters: output channels.
        kernel_size: height and width of the kernel, odd; one number for a square.
        strides: 1 or 2.
        crop: rows and columns at the lower and right end that the output leaves out, each 0 or 1. What was halved from
            an odd size and doubled again is one too large.
        kernel_quantizer: applied to the kernel float32 [kh, kw, in, out] at each call; none: a float kernel.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        strides: int = 1,
        crop: tuple[int, int] = (0, 0),
        kernel_quantizer: Quantizer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else (*kernel_size,)
        self.strides = strides
        self.crop = (*crop,)
        self.kernel_quantizer = kernel_quantizer
        if not all(side % 2 for side in self.kernel_size) or strides not in (1, 2):
            raise ValueError(f"Expected odd sides and strides 1 or 2. Received: {self.kernel_size}, {strides}")
        if not all(0 <= part <= side // 2 for part, side in zip(self.crop, self.kernel_size, strict=True)):
            raise ValueError(f"Expected a crop within the padding of {self.kernel_size}. Received: {self.crop}")

    @property
    def pads(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Zeros before and after the rows, and before and after the columns."""
        first, second = ((side // 2, side // 2 - part) for side, part in zip(self.kernel_size, self.crop, strict=True))
        return first, second

    def build(self, input_shape: Shape) -> None:
        """Make the kernel, Glorot uniform."""
        shape = (*self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform", autocast=False)

    def call(self, x: KerasTensor) -> KerasTensor:
        """Return float [N, H', W', filters] for float [N, H, W, in]."""
        kernel = ops.cast(self.kernel, "float32")
        if self.kernel_quantizer is not None:
            kernel = self.kernel_quantizer(kernel)
        kernel = ops.cast(kernel, self.compute_dtype)
        if self.strides == 1 and self.crop == (0, 0):
            return ops.conv(x, kernel, strides=1, padding="same")
        # Written out, for "same" puts the window of stride 2 elsewhere on even sizes than on odd ones.
        padded = ops.pad(x, ((0, 0), *self.pads, (0, 0)))
        return ops.conv(padded, kernel, strides=self.strides, padding="valid")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output."""
        batch, *sides, _ = input_shape
        height, width = (
            None if n is None else (n + sum(pads) - side) // self.strides + 1
            for n, pads, side in zip(sides, self.pads, self.kernel_size, strict=True)
        )
        return (batch, height, width, self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "crop": self.crop,
            "kernel_quantizer": self.kernel_quantizer and keras.saving.serialize_keras_object(self.kernel_quantizer),
        }

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
