"""The second proof: the reference differs from the TensorFlow graph by nothing but the rounding of float32.

Each layer is given the graph's own input codes. Where its codes differ from the graph's, the float64 position must
lie so near to a boundary that float32 arithmetic can explain it (``Reference.layer_codes``). Running freely, rounding
grows from layer to layer; that is reported, and the classes must still agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.verify.first_difference import Difference
from dlk.verify.golden import Golden

LEAST_AGREEMENT = 0.98
_TIE = 2.0**-20
MOST_APART = 1e-4  # of outputs, as a share of the largest one, where all codes agree


class JudgedCodes(Protocol):
    """One layer's codes, and the judgement of another implementation's."""

    @property
    def codes(self) -> NDArray[np.uint8]:
        """Return the codes by the definition."""

    def unexplained(self, other: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return where ``other`` differs by more than rounding."""


class LayeredReference(Protocol):
    """What this proof asks of the reference."""

    @property
    def quantized_layers(self) -> tuple[str, ...]:
        """Return the layers that give codes, in execution order."""

    def sources(self, name: str) -> tuple[str, ...]:
        """Return the layers whose codes the layer reads, or ``input``."""

    def layer_codes(self, name: str, codes: Mapping[str, NDArray[Any]]) -> JudgedCodes:
        """Return the layer's codes on given codes of each source; those of ``input`` are the network's floats."""


@dataclass(frozen=True, slots=True)
class LayerRounding:
    """One layer over all images.

    differing: codes that differ when the layer is given the graph's own input; unexplained: those of them that
    rounding cannot explain; running_free: codes that differ when the whole reference runs by itself.
    """

    layer: str
    values: int
    differing: int
    unexplained: int
    running_free: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the proof failed: what differs, where, and by how much."""

    what: str
    where: str
    detail: str


@dataclass(frozen=True, slots=True)
class RoundingResult:
    """All layers; ``agreement`` is the share of pixels in which reference and graph choose the same class.

    first: the first code that rounding cannot explain. first_free: the first layer that differs running freely.
    apart: by how much the outputs differ, as a share of the largest one, on images where all codes agree.
    """

    images: int
    layers: tuple[LayerRounding, ...]
    first: Difference | None
    agreement: float
    apart: float = 0.0

    @property
    def first_free(self) -> str | None:
        """Return the first layer with a differing code when the reference runs freely."""
        return next((layer.layer for layer in self.layers if layer.running_free), None)

    @property
    def fault(self) -> Fault | None:
        """Return why rounding does not explain everything; None where it does."""
        if self.first is not None:
            detail = f"{self.first}; float32 rounding cannot explain it"
            return Fault("codes differ", f"layer {self.first.layer}", detail)
        if self.agreement < LEAST_AGREEMENT:
            detail = f"the same class in {self.agreement:.2%} of pixels, at least {LEAST_AGREEMENT:.0%} wanted"
            return Fault("other classes are chosen", "output", detail)
        if self.apart > MOST_APART:
            detail = f"{self.apart:.3g} of the largest value apart, at most {MOST_APART:g} wanted"
            return Fault("the outputs differ", "output", detail)
        return None

    @property
    def passed(self) -> bool:
        """Return whether rounding explains everything, the classes agree, and the outputs where all codes do."""
        return self.fault is None


def check_rounding(
    reference: LayeredReference, golden: Golden, free: Callable[[int], Mapping[str, NDArray[Any]]]
) -> RoundingResult:
    """Compare the reference with the graph's tensors; ``free(index)`` is the reference's own trace of an image."""
    layers = []
    first = None
    names = reference.quantized_layers
    for name in names:
        if name not in golden.codes:
            raise DlkError("the reference tensors lack a layer", where=name, fix="export the checkpoint again")
        _need_same_shape(name, free(0)[name], golden.codes[name][0])
    for name in names:
        layer, difference = _check_layer(reference, golden, free, name)
        layers.append(layer)
        first = first or difference
    agreement = np.mean([_agreement(free(i)["output"], golden.output[i]) for i in range(len(golden))])
    apart = max(_apart(free(i), golden, i, names) for i in range(len(golden)))
    return RoundingResult(len(golden), tuple(layers), first, float(agreement), apart)


def _apart(ours: Mapping[str, NDArray[Any]], golden: Golden, image: int, names: Sequence[str]) -> float:
    """Return the largest difference of the outputs of an image; 0 where a code differs."""
    if not all(np.array_equal(ours[name], golden.codes[name][image]) for name in names):
        return 0.0
    theirs = golden.output[image].astype(np.float64)
    return float(np.abs(ours["output"] - theirs).max() / max(np.abs(theirs).max(), np.finfo(np.float32).tiny))


def _agreement(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Return the share of pixels in which two outputs [H,W,C] choose the same class."""
    _need_same_shape("output", ours, theirs)
    chosen = np.take_along_axis(theirs, ours.argmax(-1)[..., None], -1)[..., 0]
    tied = theirs.max(-1) - chosen <= _TIE * np.abs(theirs).max()  # two values that rounding can turn around
    return float(np.mean(tied))


def _need_same_shape(name: str, ours: NDArray[Any], theirs: NDArray[Any]) -> None:
    if ours.shape != theirs.shape:
        raise DlkError(
            "the reference tensors are of another network",
            where=name,
            expected=str(ours.shape),
            received=str(theirs.shape),
            fix="export the checkpoint again",
        )


def _check_layer(
    reference: LayeredReference, golden: Golden, free: Callable[[int], Mapping[str, NDArray[Any]]], name: str
) -> tuple[LayerRounding, Difference | None]:
    sources = reference.sources(name)
    values = differing = unexplained = running_free = 0
    first = None
    for image, theirs in enumerate(golden.codes[name]):
        given = {source: golden.given(source)[image] for source in sources}
        alone = free(image)
        _need_same_shape(name, alone[name], theirs)
        values += theirs.size
        same = all(source not in alone or np.array_equal(alone[source], codes) for source, codes in given.items())
        if same and np.array_equal(alone[name], theirs):
            continue  # on the same input the reference gives the same codes, and they are the graph's
        ours = reference.layer_codes(name, given)
        wrong = ours.unexplained(theirs)
        differing += int(np.count_nonzero(ours.codes != theirs))
        unexplained += int(np.count_nonzero(wrong))
        running_free += int(np.count_nonzero(alone[name] != theirs))
        if first is None and wrong.any():
            at = tuple(int(n) for n in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
            first = Difference(name, image, at, int(theirs[at]), int(ours.codes[at]))
    return LayerRounding(name, values, differing, unexplained, running_free), first
