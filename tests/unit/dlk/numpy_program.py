"""A Program evaluated step by step in numpy, as its docstrings say: the oracle of lowering."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlk.lowering.program import Dequantize, FloatConv, Program, QuantConv, SpaceToDepth, Thresholds


def evaluate(program: Program, x: NDArray[np.float32]) -> dict[str, NDArray]:
    """Return every tensor by name for a float32 input [H, W, 3]."""
    tensors: dict[str, NDArray] = {program.input: x}
    for step in program.steps:
        source = tensors[step.input]
        if isinstance(step, FloatConv | QuantConv):
            result = _epilogue(step, _conv(source, step.weights))
        elif isinstance(step, Dequantize):
            result = step.table[source]
        else:
            result = _move(source, step.block, deeper=isinstance(step, SpaceToDepth))
        assert result.shape == program.tensors[step.output].shape
        tensors[step.output] = result
    return tensors


def _conv(source: NDArray, weights: NDArray) -> NDArray:
    kh, kw, cin, cout = weights.shape
    height, width, _ = source.shape
    dtype = np.int32 if weights.dtype == np.int8 else np.float32
    padded = np.pad(source.astype(dtype), ((kh // 2,) * 2, (kw // 2,) * 2, (0, 0)))
    sums = np.zeros((height, width, cout), dtype)
    for y in range(kh):
        for x in range(kw):
            for c in range(cin):
                sums += padded[y : y + height, x : x + width, c, None] * weights[y, x, c].astype(dtype)
    return sums


def _epilogue(step: FloatConv | QuantConv, sums: NDArray) -> NDArray:
    if isinstance(step.epilogue, Thresholds):
        t, rising = step.epilogue.values, step.epilogue.directions[:, None] > 0
        s = sums[..., None]
        return np.where(rising, s >= t, s <= t).sum(axis=-1).astype(np.uint8)
    return sums.astype(np.float32) * step.epilogue.scale + step.epilogue.bias


def _move(source: NDArray, b: int, *, deeper: bool) -> NDArray:
    height, width, c = source.shape
    if deeper:
        return np.concatenate([source[y::b, x::b] for y in range(b) for x in range(b)], axis=-1)
    result = np.empty((height * b, width * b, c // b**2), source.dtype)
    for index, (y, x) in enumerate((y, x) for y in range(b) for x in range(b)):
        result[y::b, x::b] = source[..., index * (c // b**2) : (index + 1) * (c // b**2)]
    return result
