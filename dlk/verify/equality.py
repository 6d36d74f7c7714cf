"""The first proof: an executor computes exactly what the reference computes, every code and the output, ``==``."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.verify.executors import Executor
from dlk.verify.first_difference import Difference, LayerCount, Tensors, compare


@dataclass(frozen=True, slots=True)
class EqualityResult:
    """What one executor did on some images; ``seconds`` is the wall time of one image, traces included.

    failure: why it did not run to its end, empty when it did.
    """

    executor: str
    images: int
    layers: tuple[LayerCount, ...]
    first: Difference | None
    seconds: float
    failure: str = ""

    @property
    def passed(self) -> bool:
        """Return whether it ran, compared at least one value, and found no difference."""
        return not self.failure and self.values > 0 and self.mismatches == 0

    @property
    def values(self) -> int:
        """Return how many values were compared."""
        return sum(layer.values for layer in self.layers)

    @property
    def mismatches(self) -> int:
        """Return how many of them differ."""
        return sum(layer.mismatches for layer in self.layers)


def check_equality(
    executor: Executor, inputs: NDArray[Any], expected: Callable[[int], Tensors], *, derived: Collection[str] = ()
) -> EqualityResult:
    """Trace ``executor`` on each of ``inputs`` (float32 [N,H,W,3]) and compare with ``expected(index)``.

    expected: the reference's trace, ordered by execution, codes uint8 [h,w,c] by layer and float32 ``output``.
    derived: names in it that are compared where the executor traced them too: they follow from the codes of layers, and
    an executor may hold them as parts of other tensors. Anything else that a trace lacks differs in every value.
    An executor that does not run to its end gives a result with ``failure``.
    """
    started = time.perf_counter()
    totals: dict[str, tuple[int, int]] = {}
    first = None
    for index, values in enumerate(inputs):
        wanted = expected(index)
        try:
            received = executor.trace(values)
        except DlkError as error:
            failure = f"image {index}: {error.received or error.what}"
            return EqualityResult(executor.name, index, (), None, time.perf_counter() - started, failure)
        layers_here = [layer for layer in wanted if layer in received or layer not in derived]
        counts, difference = compare(layers_here, wanted, received, image=index)
        first = first or difference
        for count in counts:
            compared, differing = totals.get(count.layer, (0, 0))
            totals[count.layer] = (compared + count.values, differing + count.mismatches)
    layers = tuple(LayerCount(layer, *numbers) for layer, numbers in totals.items())
    seconds = (time.perf_counter() - started) / max(len(inputs), 1)
    return EqualityResult(executor.name, len(inputs), layers, first, seconds)
