"""The table of what a report tells of each layer: a fact is one row here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.lowering.program import Kind, QuantConv, Thresholds
from dlk.report.facts import Fact, Unit
from dlk.report.source import Layer

LAYER_FACTS: tuple[Fact[Layer], ...] = (
    Fact("name", "layer", Unit.TEXT, lambda layer: layer.facts.name),
    Fact("kind", "kind", Unit.TEXT, lambda layer: layer.facts.kind, "What the runtime executes."),
    Fact(
        "weight_bits",
        "weight bits",
        Unit.COUNT,
        lambda layer: layer.facts.weight_bits or None,
        "1 is binary, 2 ternary, 32 float.",
    ),
    Fact("input_bits", "input bits", Unit.COUNT, lambda layer: layer.facts.input_bits, "Of one value; 32 is float."),
    Fact("output_bits", "output bits", Unit.COUNT, lambda layer: layer.facts.output_bits, "Of one value."),
    Fact(
        "macs",
        "MACs",
        Unit.COUNT,
        lambda layer: layer.facts.macs or None,
        "Multiply-adds of one image by the definition of the layer, padding included.",
    ),
    Fact("bytes_read", "read", Unit.BYTES, lambda layer: layer.facts.bytes_read, "Input and constants, each once."),
    Fact("bytes_written", "written", Unit.BYTES, lambda layer: layer.facts.bytes_written, "Output, once."),
    Fact(
        "thresholds",
        "thresholds",
        Unit.RANGE,
        lambda layer: None if _helper(layer) else threshold_range(layer),
        "The least and the largest one; integers are sums, numbers with a point are floats.",
    ),
    Fact(
        "sums",
        "sums",
        Unit.RANGE,
        lambda layer: None if _helper(layer) else sum_range(layer),
        "What the integer sums of a quantized convolution can reach.",
    ),
    Fact(
        "fixed_thresholds",
        "fixed",
        Unit.COUNT,
        lambda layer: None if _helper(layer) else fixed_thresholds(layer),
        "Thresholds that no sum passes, or every one does: codes that never or always are reached.",
    ),
    Fact(
        "falling_channels",
        "falling",
        Unit.COUNT,
        lambda layer: None if _helper(layer) else falling_channels(layer),
        "Channels whose codes fall while the sum grows: normalisations with a negative factor.",
    ),
)


def threshold_range(layer: Layer) -> dict[str, float] | None:
    """Return the least and the largest finite threshold; None where there is none."""
    found = _thresholds(layer)
    finite = found.values[np.isfinite(found.values)] if found is not None else np.empty(0)
    if not finite.size:
        return None
    return {"least": finite.min().item(), "most": finite.max().item()}


def sum_range(layer: Layer) -> dict[str, int] | None:
    """Return the least and the largest sum of a quantized convolution; None of any other layer."""
    if not isinstance(layer.step, QuantConv):
        return None
    least, most = _reach(layer.step, layer)
    return {"least": int(least.min()), "most": int(most.max())}


def fixed_thresholds(layer: Layer) -> int | None:
    """Return how many thresholds mean always or never; None of a layer that has none."""
    found = _thresholds(layer)
    if found is None:
        return None
    if not isinstance(layer.step, QuantConv):
        return int(np.count_nonzero(~np.isfinite(found.values)))
    least, most = (bound[:, None] for bound in _reach(layer.step, layer))
    rising = found.directions[:, None] > 0
    always = np.where(rising, found.values <= least, found.values >= most)
    never = np.where(rising, found.values > most, found.values < least)
    return int(np.count_nonzero(always | never))


def falling_channels(layer: Layer) -> int | None:
    """Return the channels of direction -1; None of a layer without thresholds."""
    found = _thresholds(layer)
    return int(np.count_nonzero(found.directions < 0)) if found is not None else None


def _helper(layer: Layer) -> bool:
    """Return whether the operation only serves its step."""
    return layer.facts.name != layer.step.name


def _thresholds(layer: Layer) -> Thresholds | None:
    epilogue = getattr(layer.step, "epilogue", None)
    return epilogue if isinstance(epilogue, Thresholds) else None


def _reach(step: QuantConv, layer: Layer) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the least and the largest sum of each output channel."""
    source = layer.program.tensors[step.input]
    assert source.kind is Kind.CODES  # noqa: S101 - of a quantized convolution
    positive = np.count_nonzero(step.weights > 0, axis=(0, 1, 2))
    negative = np.count_nonzero(step.weights < 0, axis=(0, 1, 2))
    return -source.levels * negative, source.levels * positive
