"""The report of a conversion as one HTML page that needs nothing else: no network, no script, no font."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from blueoil import __version__
from blueoil.console import duration, percent, size
from blueoil.report.conversion_picture import picture
from dlk.report.document import NETWORK_FACTS, SECTIONS
from dlk.report.facts import Unit
from dlk.report.layers import LAYER_FACTS

_TEMPLATES = Path(__file__).parent / "templates"
NOTHING = "–"


def page(document: Mapping[str, Any]) -> str:
    """Return the page of a report's document, as text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count=_count, bytes=_bytes, share=_share, duration=duration, milliseconds=_milliseconds)
    network, times = document["network"], document["timings"]["layers_milliseconds"]
    return environment.get_template("conversion.html.jinja").render(
        document,
        title=network["name"],
        titles={section.key: section.title for section in SECTIONS},
        summary=summary(document),
        network_facts=[(fact.title, written(fact.unit, network[fact.key])) for fact in NETWORK_FACTS],
        layer_facts=LAYER_FACTS,
        rows=[[written(fact.unit, layer[fact.key]) for fact in LAYER_FACTS] for layer in document["layers"]],
        times=[_milliseconds(times.get(layer["name"])) for layer in document["layers"]] if times else [],
        words={fact.key for fact in LAYER_FACTS if fact.unit is Unit.TEXT},
        ops=_ops(document["graph"]["passes"]),
        picture=picture(document["graph"]["final"]),
        steps=_steps(document["proofs"]),
        made=f"{datetime.now():%Y-%m-%d %H:%M} by Blueoil {__version__}",
    )


def summary(document: Mapping[str, Any]) -> list[str]:
    """Return what matters most, one sentence each."""
    proofs, limits = document["proofs"], document["limits"]
    values = sum(executor["values"] for executor in proofs["executors"])
    mismatches = sum(executor["mismatches"] for executor in proofs["executors"])
    built = [target["name"] for target in limits if not target["misfits"]]
    told = [
        f"{len(proofs['executors'])} executors computed {values:,} values as the reference does: "
        f"{mismatches:,} mismatches.",
        f"The reference and the {proofs['original']['name']} choose the same class in "
        f"{proofs['original']['class_agreement']:.2%} of the pixels of {proofs['original']['images']} images.",
        f"Libraries: {', '.join(built)}."
        + "".join(f" Left out: {target['name']}." for target in limits if target["misfits"]),
    ]
    for latency in document["timings"]["latency"]:
        if latency["milliseconds"] is not None:
            told.append(
                f"One image takes {latency['milliseconds']:.2f} ms of CPU time on one thread of "
                f"{document['timings']['machine']['cpu']} ({latency['target']}, {latency['instruction_set']})."
            )
    share = document["network"]["quantized_macs"]
    names = ", ".join(layer["layer"] for layer in document["float_layers"])
    told.append(f"{percent(share)} of the multiply-adds are quantized" + (f"; in float: {names}." if names else "."))
    return told


def written(unit: Unit, value: Any) -> str:
    """Return a fact's value as a person reads it."""
    return NOTHING if value is None else _WRITTEN[unit](value)


def _ops(passes: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[tuple[int, bool]]]]:
    """Return for each op how many nodes there were after each pass, and whether the pass changed that."""
    names = dict.fromkeys(name for entry in passes for name in entry["ops"])
    found = []
    for name in names:
        counts = [entry["ops"].get(name, 0) for entry in passes]
        found.append((name, [(now, now != before) for before, now in zip(counts[:1] + counts, counts, strict=False)]))
    return found


def _steps(proofs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return for each step what all executors compared in it, and how the original's codes differ there."""
    found: dict[str, dict[str, Any]] = {}
    for executor in proofs["executors"]:
        for step in executor["steps"]:
            row = found.setdefault(step["layer"], {"executors": 0, "values": 0, "mismatches": 0, "original": None})
            row["executors"] += 1
            row["values"] += step["values"]
            row["mismatches"] += step["mismatches"]
    for step in proofs["original"]["steps"]:
        row = found.setdefault(step["layer"], {"executors": 0, "values": 0, "mismatches": 0, "original": None})
        row["original"] = step
    return [{"name": name, **row} for name, row in found.items()]


def _count(value: float) -> str:
    return f"{value:,}"


def _bytes(value: int) -> str:
    return f"{value} B" if value < 1024 else size(value)


def _share(value: float) -> str:
    return percent(value)


def _milliseconds(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _number(value: float) -> str:
    """Return an integer whole, a float with a point and four digits that count."""
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:.4g}"
    return text if not math.isfinite(value) or "." in text or "e" in text else f"{text}.0"


_WRITTEN: dict[Unit, Callable[[Any], str]] = {
    Unit.TEXT: str,
    Unit.COUNT: _count,
    Unit.BYTES: _bytes,
    Unit.SHARE: _share,
    Unit.SHAPE: lambda value: " × ".join(map(str, value)),
    Unit.RANGE: lambda value: f"{_number(value['least'])} … {_number(value['most'])}",
}
