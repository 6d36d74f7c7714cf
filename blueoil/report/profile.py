"""The profile of a library as a table, and as values for ``--json`` and the page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blueoil.console import Console, percent

if TYPE_CHECKING:
    from dlk.profile.latency import Latency
    from dlk.profile.library import Ceilings
    from dlk.profile.machine import Machine
    from dlk.profile.roofline import LayerProfile

COLUMNS = (
    "layer", "kind", "bits", "MMAC", "KiB", "ms", "share", "GMAC/s", "attainable", "Gbit-add/s", "limit ms", "bound",
    "of limit",
)  # fmt: skip
NO_VALUE = "-"


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that was measured, and on what."""

    title: str
    library: Path
    model: str
    input_shape: tuple[int, ...]
    isa: str
    threads: int
    machine: Machine
    ceilings: Ceilings
    latency: Latency
    layers: tuple[LayerProfile, ...]

    @property
    def seconds(self) -> float:
        """The sum of the layers' times."""
        return sum(layer.seconds for layer in self.layers)

    def share(self, layer: LayerProfile) -> float:
        """Return a layer's part of the time, 0 .. 1."""
        return layer.seconds / self.seconds if self.seconds > 0 else 0.0


def cells(profile: Profile) -> list[list[str]]:
    """Return the rows of the table, one a layer, each with a text for every one of COLUMNS."""
    return [_row(profile, layer) for layer in profile.layers]


def totals(profile: Profile) -> list[str]:
    """Return the last row: sums, and rates of the whole."""
    macs = sum(layer.facts.macs for layer in profile.layers)
    adds = sum(layer.facts.bit_adds for layer in profile.layers)
    moved = sum(layer.bytes for layer in profile.layers)
    limit = sum(layer.limit_seconds for layer in profile.layers)
    seconds = profile.seconds
    return [
        "total", "", "", _mega(macs), f"{moved / 1024:,.0f}", _milli(seconds), percent(1.0), _giga(macs, seconds),
        _giga(macs, limit), _giga(adds, seconds), _milli(limit), "", percent(limit / seconds) if seconds else NO_VALUE,
    ]  # fmt: skip


def summary(profile: Profile) -> list[str]:
    """Return the sentences below the table."""
    from dlk.profile.roofline import other_share

    latency, ceilings, each = profile.latency, profile.ceilings, profile.threads
    clock = "CPU time" if profile.threads == 1 else "wall time"
    threads = f"{profile.threads} thread" + ("s" if profile.threads > 1 else "")
    shared = (
        f" Measured on one thread and multiplied by {each}: as much as {each} cores do that share nothing."
        if each > 1
        else ""
    )
    return [
        f"Everything that is not a quantized convolution takes {percent(other_share(profile.layers))} of the time.",
        f"One image takes {_milli(latency.whole)} ms of {clock} on {threads}, median of {latency.runs} runs"
        f" (the fastest {_milli(latency.fastest)} ms).",
        f"This machine does at most {ceilings.bit_adds / 1e9:,.0f} Gbit-add/s, {ceilings.macs / 1e9:,.1f} G float"
        f" multiply-adds/s and reads {ceilings.bytes / 1e9:,.1f} GB/s, with {profile.isa} on {threads}.{shared}",
    ]


def tell(console: Console, profile: Profile) -> None:
    """Print the table and the sentences."""
    console.table(COLUMNS, [*cells(profile), totals(profile)], title=f"{profile.title}: {profile.model}")
    for line in summary(profile):
        console.say(line)


def document(profile: Profile) -> dict[str, Any]:
    """Return everything as JSON types; seconds, operations and bytes without prefixes.

    ``ceilings`` are those of one thread times ``threads``.
    """
    from dlk.profile.roofline import other_share

    return {
        "library": str(profile.library),
        "model": profile.model,
        "input_shape": list(profile.input_shape),
        "isa": profile.isa,
        "threads": profile.threads,
        "runs": profile.latency.runs,
        "machine": asdict(profile.machine),
        "ceilings": asdict(profile.ceilings),
        "seconds": profile.latency.whole,
        "fastest_seconds": profile.latency.fastest,
        "layers_seconds": profile.seconds,
        "macs": sum(layer.facts.macs for layer in profile.layers),
        "not_quantized_convolutions": other_share(profile.layers),
        "layers": [_layer(profile, layer) for layer in profile.layers],
    }


def _layer(profile: Profile, layer: LayerProfile) -> dict[str, Any]:
    facts = layer.facts
    return {
        **asdict(facts),
        "seconds": layer.seconds,
        "share": profile.share(layer),
        "macs_per_second": layer.per_second(facts.macs),
        "attainable_macs_per_second": layer.attainable(facts.macs),
        "bit_adds_per_second": layer.per_second(facts.bit_adds),
        "limit_seconds": layer.limit_seconds,
        "bound": layer.bound,
        "reached": layer.reached,
    }


def _row(profile: Profile, layer: LayerProfile) -> list[str]:
    facts = layer.facts
    weights = f"w{facts.weight_bits} " if facts.weight_bits else ""
    return [
        facts.name,
        facts.kind.replace("_", " "),
        f"{weights}a{facts.input_bits}>{facts.output_bits}",
        _mega(facts.macs),
        f"{layer.bytes / 1024:,.0f}",
        _milli(layer.seconds),
        percent(profile.share(layer)),
        _giga(facts.macs, layer.seconds),
        _giga(facts.macs, layer.limit_seconds),
        _giga(facts.bit_adds, layer.seconds),
        _milli(layer.limit_seconds),
        layer.bound,
        percent(layer.reached),
    ]


def _mega(count: int) -> str:
    return f"{count / 1e6:,.1f}" if count else NO_VALUE


def _giga(count: int, seconds: float) -> str:
    return f"{count / seconds / 1e9:,.1f}" if count and seconds > 0 else NO_VALUE


def _milli(seconds: float) -> str:
    return f"{seconds * 1000:.3f}"
