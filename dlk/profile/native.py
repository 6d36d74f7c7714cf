"""The latency of the library that this machine runs itself, measured once in each conversion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlk.profile.latency import Latency, measure
from dlk.profile.library import ProfiledLibrary
from dlk.profile.machine import Machine, this_machine
from dlk.verify.available import Built, is_native

RUNS = 5


@dataclass(frozen=True, slots=True)
class NativeLatency:
    """What was measured of which library, on one thread. layers: CPU seconds of each step, by its name."""

    target: str
    isa: str
    machine: Machine
    latency: Latency
    layers: dict[str, float]

    @property
    def milliseconds(self) -> float:
        """Return the CPU time of one image."""
        return self.latency.whole * 1000


def measure_native(built: Sequence[Built], *, runs: int = RUNS) -> NativeLatency | None:
    """Measure the first library without an accelerator that runs here; None where there is none. Raises DlkError."""
    found = next((item for item in built if is_native(item.target) and not item.target.accelerated), None)
    if found is None:
        return None
    with ProfiledLibrary(found.library, name=found.target.name) as library:
        latency = measure(library, runs=runs)
        layers = {facts.name: seconds for facts, seconds in zip(library.facts, latency.steps, strict=True)}
        return NativeLatency(found.target.name, library.isa, this_machine(), latency, layers)
