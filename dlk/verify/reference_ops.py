"""What the reference does with arrays [h, w, c], in plain numpy: windows, sums over them, pools, moves and joins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlk.errors import DlkError

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]

_TINY = np.finfo(np.float32).tiny


@dataclass(frozen=True, slots=True)
class Window:
    """A window of ``kernel`` rows and columns that moves by ``strides``; (before, after) ``rows`` and ``columns`` lie
    around the image. It stands wherever all of it fits.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int]
    rows: tuple[int, int]
    columns: tuple[int, int]

    def taps(self, values: NDArray, *, outside: float = 0) -> Iterator[tuple[int, int, NDArray]]:
        """Yield (row, column, values [h', w', c] under it at each place of the window) of every tap, in order."""
        padded = np.pad(values, (self.rows, self.columns, (0, 0)), constant_values=outside)
        down, across = self.strides
        height, width = ((n - k) // s + 1 for n, k, s in zip(padded.shape, self.kernel, self.strides, strict=False))
        if height < 1 or width < 1:
            raise DlkError("a window is larger than the image", received=f"{self.kernel} on {padded.shape}")
        for row in range(self.kernel[0]):
            for column in range(self.kernel[1]):
                under = padded[row::down, column::across]
                yield row, column, under[:height, :width]


def exact_sums(values: NDArray[np.generic], kernel: NDArray, window: Window) -> NDArray:
    """Convolve by matrix products, in the kernel's dtype; exact for integers below 2^24 in float32."""
    total: NDArray | None = None
    for row, column, part in window.taps(values.astype(kernel.dtype)):
        product = part.reshape(-1, part.shape[2]) @ kernel[row, column]
        product = product.reshape(*part.shape[:2], -1)
        total = product if total is None else np.add(total, product, out=total)
    assert total is not None  # noqa: S101 - a kernel has at least one tap
    return total


def magnitudes(values: NDArray[np.float64], kernel: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    """Convolve with a kernel that is not negative; where it is 1 throughout, once for all outputs: [h, w, out or 1]."""
    if np.all(kernel == 1):
        return exact_sums(values.sum(-1, keepdims=True), kernel[:, :, :1, :1], window)
    return exact_sums(values, kernel, window)


def ordered_sums(values: Floats, kernel: Floats, window: Window) -> Floats:
    """Convolve in the defined order: each product and each sum is rounded to float32."""
    acc: Floats | None = None
    for row, column, part in window.taps(values):
        if acc is None:
            acc = np.zeros((*part.shape[:2], kernel.shape[3]), dtype=np.float32)
            product = np.empty_like(acc)
        for channel in range(values.shape[2]):
            np.multiply(part[:, :, channel, None], kernel[row, column, channel], out=product)
            acc += product
    assert acc is not None  # noqa: S101 - a kernel has at least one tap
    return flushed(acc)


def flushed(values: Floats) -> Floats:
    """Return the values with 0 for subnormal numbers and for -0."""
    return np.where(np.abs(values) < _TINY, np.float32(0), values)


@dataclass(frozen=True, slots=True)
class Move:
    """Blocks of pixels into channels (``deeper``) or back: channel = (dy * block + dx) * C + c."""

    deeper: bool
    block: int

    def __call__(self, parts: Sequence[NDArray]) -> list[NDArray]:
        """Return the moved array, alone in a list."""
        (values,) = parts
        height, width, channels = values.shape
        b = self.block
        if self.deeper:
            blocks = values.reshape(height // b, b, width // b, b, channels).transpose(0, 2, 1, 3, 4)
            return [blocks.reshape(height // b, width // b, b * b * channels)]
        blocks = values.reshape(height, width, b, b, channels // (b * b)).transpose(0, 2, 1, 3, 4)
        return [blocks.reshape(height * b, width * b, channels // (b * b))]


@dataclass(frozen=True, slots=True)
class Pool:
    """The largest value of each window; what lies outside is less than any."""

    window: Window

    def __call__(self, parts: Sequence[NDArray]) -> list[NDArray]:
        """Return the largest codes, uint8 [h', w', c], or floats, alone in a list."""
        (codes,) = parts
        if codes.dtype != np.uint8:
            return [np.maximum.reduce([part for *_, part in self.window.taps(codes, outside=-np.inf)])]
        largest = np.maximum.reduce([part for *_, part in self.window.taps(codes.astype(np.int16), outside=-1)])
        if np.any(largest < 0):
            raise DlkError("a window of a pool holds no pixel of the image", received=str(self.window))
        return [largest.astype(np.uint8)]


@dataclass(frozen=True, slots=True)
class Concat:
    """Channels one after the other."""

    def __call__(self, parts: Sequence[NDArray]) -> list[NDArray]:
        """Return the joined array, alone in a list."""
        return [np.concatenate(parts, axis=2)]


@dataclass(frozen=True, slots=True)
class Split:
    """Channels in ``parts``: of these ``sizes``, or as equal as can be, the last one smaller."""

    sizes: tuple[int, ...]
    parts: int

    def __call__(self, parts: Sequence[NDArray]) -> list[NDArray]:
        """Return the parts."""
        (values,) = parts
        channels = values.shape[2]
        equal = -(-channels // self.parts)
        sizes = self.sizes or (*[equal] * (self.parts - 1), channels - equal * (self.parts - 1))
        if sum(sizes) != channels or len(sizes) != self.parts or min(sizes) < 1:
            raise DlkError("the parts are not the whole", expected=f"{channels} channels", received=str(sizes))
        return np.split(values, np.cumsum(sizes[:-1]), axis=2)


@dataclass(frozen=True, slots=True)
class Pad:
    """Zeros around: (before, after) rows, columns, channels."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    channels: tuple[int, int]

    def __call__(self, parts: Sequence[NDArray]) -> list[NDArray]:
        """Return the padded array, alone in a list."""
        (values,) = parts
        return [np.pad(values, (self.rows, self.columns, self.channels))]
