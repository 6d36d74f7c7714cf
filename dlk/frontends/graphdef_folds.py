"""The operators of TensorFlow that are computed at once where they read constants alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.frontends.graphdef_operators import Binary, dropped
from dlk.frontends.translate import Constant, Fold, Foreign, need_size
from dlk.frontends.values import need


def _strided_slice(node: Foreign, parts: list[Constant]) -> Constant:
    values, begin, end, step = parts
    masks = {key: int(node.attributes[key].i) if key in node.attributes else 0 for key in _MASKS}
    plain = len(begin) == 1 and not masks["ellipsis_mask"] and not masks["new_axis_mask"]
    need(plain, "a slice of several axes", "a slice of constants is of one axis")
    if masks["shrink_axis_mask"] & 1:
        return values[int(begin[0])]
    first = None if masks["begin_mask"] & 1 else int(begin[0])
    last = None if masks["end_mask"] & 1 else int(end[0])
    return values[first : last : int(step[0])]


_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def _axis(node: Foreign, default: int = 0) -> int:
    return int(node.attributes["axis"].i) if "axis" in node.attributes else default


def _cast(node: Foreign, parts: list[Constant]) -> Constant:
    kinds: dict[int, Any] = {1: np.float32, 2: np.float64, 3: np.int32, 9: np.int64, 10: np.bool_}
    need(node.attributes["DstT"].type in kinds, "a cast to another type", "numbers")
    return parts[0].astype(kinds[node.attributes["DstT"].type])


def _prod(node: Foreign, parts: list[Constant]) -> Constant:
    return np.asarray(math.prod(int(n) for n in parts[0].reshape(-1)), parts[0].dtype)


def _squeezed(node: Foreign, parts: list[Constant]) -> Constant:
    return np.squeeze(parts[0], tuple(dropped(node, max(parts[0].ndim, 1))) or None)


def _subscripts(parts: list[Constant]) -> NDArray[Any]:
    return np.asarray(parts[1].astype(np.int64))


def _fill(_: Foreign, parts: list[Constant]) -> Constant:
    shape = [int(n) for n in parts[0]]
    need_size(math.prod(shape))
    return np.full(shape, parts[1])


def _two(function: np.ufunc) -> Fold:
    def apply(_: Foreign, parts: list[Constant]) -> Constant:
        need_size(math.prod(np.broadcast_shapes(parts[0].shape, parts[1].shape)))
        return np.asarray(function(parts[0], parts[1]))

    return apply


def _of_values(fold: Fold) -> Fold:
    """Return what computes with the values of a binary kernel, which is one of floats afterwards."""

    def apply(node: Foreign, parts: list[Constant]) -> Constant:
        return fold(node, [part.values() if isinstance(part, Binary) else part for part in parts])

    return apply


def _moving(fold: Fold) -> Fold:
    """Return what moves the values of a kernel: a binary one stays so, where it has one scale."""
    plain = _of_values(fold)

    def apply(node: Foreign, parts: list[Constant]) -> Constant:
        whole = isinstance(parts[0], Binary) and parts[0].scaling == "channel"
        return (plain if whole else fold)(node, parts)

    return apply


_FOLDS: dict[str, Fold] = {
    "Add": _two(np.add),
    "AddV2": _two(np.add),
    "Cast": _cast,
    "ConcatV2": lambda _, parts: np.concatenate(parts[:-1], int(parts[-1])),
    "ExpandDims": lambda _, parts: np.expand_dims(parts[0], int(parts[1])),
    "Fill": _fill,
    "GatherV2": lambda _, parts: np.take(parts[0], _subscripts(parts), axis=int(parts[2])),
    "Maximum": _two(np.maximum),
    "Minimum": _two(np.minimum),
    "Mul": _two(np.multiply),
    "Neg": lambda _, parts: -parts[0],
    "Pack": lambda node, parts: np.stack(parts, _axis(node)),
    "Prod": _prod,
    "RealDiv": _two(np.true_divide),
    "Reshape": lambda _, parts: parts[0].reshape([int(n) for n in parts[1].reshape(-1)]),
    "Rsqrt": lambda _, parts: np.float32(1) / np.sqrt(parts[0]),
    "Sqrt": lambda _, parts: np.sqrt(parts[0]),
    "Square": lambda _, parts: parts[0] * parts[0],
    "Squeeze": _squeezed,
    "StridedSlice": _strided_slice,
    "Sub": _two(np.subtract),
    "Transpose": lambda _, parts: parts[0].transpose([int(n) for n in parts[1]]),
    "Unique": lambda _, parts: np.unique(parts[0]),
}
_MOVES = ("ExpandDims", "Reshape", "Squeeze", "Transpose")
FOLDS: dict[str, Fold] = {name: (_moving if name in _MOVES else _of_values)(fold) for name, fold in _FOLDS.items()}
