"""The report as one document: a table of sections, and its file, which ``diff`` compares line by line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlk.lowering.program import QuantConv
from dlk.report.facts import Fact, Unit, values
from dlk.report.graph import final_graph
from dlk.report.layers import LAYER_FACTS
from dlk.report.limits import targets
from dlk.report.proofs import proofs
from dlk.report.source import Source
from dlk.report.timings import timings

FORMAT_VERSION = 1


def _end(name: str) -> Callable[[Source], list[int]]:
    return lambda source: list(source.program.tensors[getattr(source.program, name)].shape)


def _recorded(key: str) -> Callable[[Source], str | None]:
    return lambda source: source.program.metadata.get(key)


def _quantized_share(source: Source) -> float:
    macs = sum(layer.facts.macs for layer in source.layers)
    quantized = sum(layer.facts.macs for layer in source.layers if isinstance(layer.step, QuantConv))
    return quantized / macs if macs else 0.0


NETWORK_FACTS: tuple[Fact[Source], ...] = (
    Fact("name", "network", Unit.TEXT, lambda source: source.program.name),
    Fact("experiment", "experiment", Unit.TEXT, _recorded("experiment")),
    Fact("checkpoint", "checkpoint", Unit.TEXT, _recorded("checkpoint")),
    Fact("input", "input", Unit.SHAPE, _end("input"), "rows, columns, channels"),
    Fact("output", "output", Unit.SHAPE, _end("output"), "rows, columns, channels"),
    Fact("preprocess", "pre-processing", Unit.TEXT, lambda source: source.program.preprocess.name),
    Fact("macs", "MACs of one image", Unit.COUNT, lambda source: sum(layer.facts.macs for layer in source.layers)),
    Fact("quantized_macs", "of them quantized", Unit.SHARE, _quantized_share),
    Fact("model", "SHA-256 of model.onnx", Unit.TEXT, lambda source: source.model),
)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the document by its key; ``title`` is its heading on a page and in docs/report.md."""

    key: str
    title: str
    of: Callable[[Source], Any]


SECTIONS: tuple[Section, ...] = (
    Section("network", "The network", lambda source: values(NETWORK_FACTS, source)),
    Section(
        "graph",
        "The graph",
        lambda source: {"passes": source.graph.passes, "final": final_graph(source.program)},
    ),
    Section("layers", "Layers", lambda source: [values(LAYER_FACTS, layer) for layer in source.layers]),
    Section("float_layers", "Layers in float", lambda source: _float_layers(source)),
    Section("sign_of_zero", "Weights of zero", lambda source: source.graph.zeros),
    Section("limits", "Limits of the targets", targets),
    Section("proofs", "Proofs", lambda source: proofs(source.verification)),
    Section("timings", "Timings", timings),
)
"""Their order is that of a page. In the file keys are sorted, and ``timings``, which alone changes, comes last."""


def document(source: Source) -> dict[str, Any]:
    """Return the report as JSON types."""
    return {"format": FORMAT_VERSION, **{section.key: section.of(source) for section in SECTIONS}}


def write(values: Mapping[str, Any], file: Path) -> None:
    """Write a document with sorted keys, one value a line."""
    text = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    file.write_text(text + "\n", encoding="utf-8")


def _float_layers(source: Source) -> list[dict[str, Any]]:
    """Return the convolutions in float with the reasons, and what they take of the multiply-adds."""
    macs = {layer.facts.name: layer.facts.macs for layer in source.layers}
    total = sum(macs.values()) or 1
    return [
        {"layer": name, "reasons": list(reasons), "macs": macs.get(name, 0), "share": macs.get(name, 0) / total}
        for name, reasons in source.graph.floats.items()
    ]
