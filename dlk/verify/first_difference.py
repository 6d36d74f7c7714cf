"""Where two results part: the first layer in execution order, the position in it, and what stood there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first value of the first layer that differs; ``position`` is (row, column, channel) of image ``image``.

    A layer that cannot be compared has position (), and says what was expected and received instead of numbers.
    """

    layer: str
    image: int
    position: tuple[int, ...]
    expected: float | str
    received: float | str

    def __str__(self) -> str:
        """Return it as one sentence without a full stop."""
        place = f"layer {self.layer}, image {self.image}" + (f", position {self.position}" if self.position else "")
        return f"{place}: expected {self.expected}, received {self.received}"

    def document(self) -> dict[str, object]:
        """Return it as JSON types; JSON has no numbers for NaN and infinity."""
        facts = asdict(self)
        for key in ("expected", "received"):
            value = facts[key]
            facts[key] = value if isinstance(value, str) or math.isfinite(value) else str(value)
        return facts


@dataclass(frozen=True, slots=True)
class LayerCount:
    """How many values of one layer were compared, and how many differ."""

    layer: str
    values: int
    mismatches: int


def unequal(expected: NDArray[np.generic], received: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return where two arrays of one shape and dtype differ, bit for bit: 0.0 and -0.0 differ, NaN equals itself."""
    if expected.dtype == np.float32:
        return np.ascontiguousarray(expected).view(np.uint32) != np.ascontiguousarray(received).view(np.uint32)
    return np.asarray(expected != received)


def compare(
    layers: Iterable[str], expected: Tensors, received: Tensors, *, image: int
) -> tuple[tuple[LayerCount, ...], Difference | None]:
    """Compare all ``layers`` in execution order; return the counts and the first difference.

    A layer that is missing, or has another shape or dtype, differs in every value.
    """
    counts = []
    first = None
    for layer in layers:
        wanted, got = expected[layer], received.get(layer)
        if got is None or got.shape != wanted.shape or got.dtype != wanted.dtype:
            counts.append(LayerCount(layer, wanted.size, wanted.size))
            first = first or Difference(
                layer, image, (), _described(wanted), "nothing" if got is None else _described(got)
            )
            continue
        differs = unequal(wanted, got)
        counts.append(LayerCount(layer, wanted.size, int(np.count_nonzero(differs))))
        if first is None and counts[-1].mismatches:
            at = tuple(int(n) for n in np.unravel_index(int(np.argmax(differs)), differs.shape))
            first = Difference(layer, image, at, wanted[at].item(), got[at].item())
    return tuple(counts), first


def _described(array: NDArray[np.generic]) -> str:
    return f"{array.dtype} {array.shape}"
