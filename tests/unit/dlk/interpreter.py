"""What a Program computes, step by step, as its dataclasses describe it, and by nothing of the runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.lowering.program import (
    Affine,
    AveragePool,
    ChannelAffine,
    Concat,
    DepthToSpace,
    Dequantize,
    FloatConv,
    FloatThreshold,
    MaxPool,
    Pad,
    Pointwise,
    Program,
    QuantConv,
    Softmax,
    SpaceToDepth,
    Split,
    Step,
    Tensor,
    Thresholds,
    Window,
)

Arrays = list[NDArray[Any]]


def interpret(program: Program, image: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """Return every tensor by its name. image: float32 [H, W, C]; codes are uint8."""
    values: dict[str, NDArray[Any]] = {program.input: np.where(np.abs(image) < 2.0**-126, np.float32(0), image)}
    for step in program.steps:
        results = [program.tensors[name] for name in step.writes]
        made = STEPS[type(step)](step, [values[name] for name in step.reads], results)
        for tensor, array in zip(results, made, strict=True):
            assert array.shape == tensor.shape, step.name
            assert array.dtype == (np.uint8 if tensor.bits else np.float32), step.name
            assert tensor.name not in values, step.name
            values[tensor.name] = array
    return values


def _windows(x: NDArray[Any], window: Window, result: Tensor) -> NDArray[Any]:
    """Return what stands under the window of each pixel of the result, [h, w, kernel, kernel, c]; 0 outside."""
    height, width, _ = result.shape
    under = np.zeros((height, width, *window.kernel, x.shape[2]), x.dtype)
    for ky, kx in np.ndindex(window.kernel):
        rows = np.arange(height) * window.stride + ky - window.before[0]
        columns = np.arange(width) * window.stride + kx - window.before[1]
        down, across = (rows >= 0) & (rows < x.shape[0]), (columns >= 0) & (columns < x.shape[1])
        under[np.ix_(down, across, [ky], [kx])] = x[np.ix_(rows[down], columns[across])][:, :, None, None]
    return under


def _float_conv(step: FloatConv, parts: Arrays, results: list[Tensor]) -> Arrays:
    under = _windows(parts[0], step.place, results[0])
    sums = np.zeros((*results[0].shape[:2], step.weights.shape[3]), np.float32)
    for tap in np.ndindex(under.shape[2:]):
        sums += under[(..., *tap, None)] * step.weights[tap]
    return [ended(step.epilogue, flushed(sums))]


def flushed(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 0 for what is subnormal or -0."""
    return np.where(np.abs(x) < 2.0**-126, np.float32(0), x)


def _quant_conv(step: QuantConv, parts: Arrays, results: list[Tensor]) -> Arrays:
    assert set(np.unique(step.weights)) <= {-1, 0, 1}
    under = _windows(parts[0].astype(np.int64), step.window, results[0])
    return [ended(step.epilogue, np.tensordot(under, step.weights.astype(np.int64), axes=3))]


def ended(epilogue: Thresholds | Affine, sums: NDArray[Any]) -> NDArray[Any]:
    """Return what a convolution makes of its sums: codes, or floats, of which none is -0."""
    if isinstance(epilogue, Affine):
        return sums.astype(np.float32) * epilogue.scale + (epilogue.bias + np.float32(0))
    above, below = sums[..., None] >= epilogue.values, sums[..., None] <= epilogue.values
    return np.where(epilogue.directions > 0, above.sum(-1), below.sum(-1)).astype(np.uint8)


def _max_pool(step: MaxPool, parts: Arrays, results: list[Tensor]) -> Arrays:
    (x,) = parts
    if x.dtype == np.uint8:
        return [_windows(x, step.window, results[0]).max(axis=(2, 3))]
    inside = _windows(np.ones_like(x), step.window, results[0])
    return [np.where(inside > 0, _windows(x, step.window, results[0]), -np.inf).max(axis=(2, 3)).astype(np.float32)]


def _average_pool(step: AveragePool, parts: Arrays, results: list[Tensor]) -> Arrays:
    under = _windows(parts[0], step.window, results[0])
    inside = _windows(np.ones_like(parts[0]), step.window, results[0]).sum(axis=(2, 3))
    count = np.full_like(inside, step.window.kernel[0] * step.window.kernel[1]) if step.padded else inside
    sums = np.zeros(results[0].shape, np.float32)
    for tap in np.ndindex(under.shape[2:4]):
        sums += under[:, :, *tap]
    return [flushed(sums * (1 / count.astype(np.float64)).astype(np.float32))]


def _channel_affine(step: ChannelAffine, parts: Arrays, results: list[Tensor]) -> Arrays:
    return [flushed(parts[0] * step.epilogue.scale + step.epilogue.bias)]


def _float_threshold(step: FloatThreshold, parts: Arrays, results: list[Tensor]) -> Arrays:
    return [ended(step.epilogue, flushed(parts[0]))]


def _pointwise(step: Pointwise, parts: Arrays, results: list[Tensor]) -> Arrays:
    functions: dict[str, Callable[..., Any]] = {
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "max": lambda a, b: np.where(a > b, a, b),
        "min": lambda a, b: np.where(a < b, a, b),
        "relu": lambda a: np.where(a > 0, a, np.float32(0)),
        "leaky_relu": lambda a: np.where(a > 0, a, a * np.float32(step.alpha)),
    }
    return [flushed(functions[step.function](*parts))]


def _softmax(step: Softmax, parts: Arrays, results: list[Tensor]) -> Arrays:
    return [np.apply_along_axis(softmax, 2, parts[0])]


def softmax(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the shares of a vector, number by number, in the order of docs/numerics.md."""
    f, constant = np.float32, lambda text: np.float32(float.fromhex(text))
    factors = ["0x1.111112p-7", "0x1.555556p-5", "0x1.555556p-3", "0x1p-1", "0x1p0", "0x1p0"]
    powers = []
    for value in x - x.max():
        k = f(int(value * constant("0x1.715476p+0") - f(0.5)))
        r = (value - k * constant("0x1.62ep-1")) - k * constant("0x1.0bfbe8p-15")
        power = constant("0x1.6c16c2p-10")
        for factor in factors:
            power = power * r + constant(factor)
        powers.append(f(0) if value < -87 else f(power * f(2.0 ** int(k))))
    total = f(0)
    for power in powers:
        total += power
    share = np.int32(np.int32(0x7EF311C7) - total.view(np.int32)).view(f)
    for _ in range(4):
        share = share * (f(2) - total * share)
    return flushed(np.array(powers, f) * share)


def _split(step: Split, parts: Arrays, results: list[Tensor]) -> Arrays:
    ends = np.cumsum([tensor.shape[2] for tensor in results])
    assert ends[-1] == parts[0].shape[2]
    return [parts[0][..., end - tensor.shape[2] : end] for end, tensor in zip(ends, results, strict=True)]


def _pad(step: Pad, parts: Arrays, results: list[Tensor]) -> Arrays:
    y = np.zeros(results[0].shape, parts[0].dtype)
    height, width, channels = parts[0].shape
    top, left, front = step.rows[0], step.columns[0], step.channels[0]
    y[top : top + height, left : left + width, front : front + channels] = parts[0]
    widths = (step.rows, step.columns, step.channels)
    assert y.shape == tuple(n + sum(pair) for n, pair in zip(parts[0].shape, widths, strict=True))
    return [y]


def _space_to_depth(step: SpaceToDepth, parts: Arrays, results: list[Tensor]) -> Arrays:
    (x,) = parts
    y = [x[dy :: step.block, dx :: step.block] for dy in range(step.block) for dx in range(step.block)]
    return [np.concatenate(y, axis=2)]


def _depth_to_space(step: DepthToSpace, parts: Arrays, results: list[Tensor]) -> Arrays:
    y = np.zeros(results[0].shape, parts[0].dtype)
    for number, part in enumerate(np.split(parts[0], step.block**2, axis=2)):
        y[number // step.block :: step.block, number % step.block :: step.block] = part
    return [y]


def _dequantize(step: Dequantize, parts: Arrays, results: list[Tensor]) -> Arrays:
    return [step.table[parts[0]]]


def _concat(step: Concat, parts: Arrays, results: list[Tensor]) -> Arrays:
    return [np.concatenate(parts, axis=2)]


STEPS: dict[type[Step], Callable[[Any, Arrays, list[Tensor]], Arrays]] = {
    FloatConv: _float_conv,
    QuantConv: _quant_conv,
    MaxPool: _max_pool,
    AveragePool: _average_pool,
    ChannelAffine: _channel_affine,
    FloatThreshold: _float_threshold,
    Pointwise: _pointwise,
    Softmax: _softmax,
    Concat: _concat,
    Split: _split,
    Pad: _pad,
    SpaceToDepth: _space_to_depth,
    DepthToSpace: _depth_to_space,
    Dequantize: _dequantize,
}
