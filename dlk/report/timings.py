"""The one section of a report that differs from run to run: what the clock told, and on which machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dlk.report.source import Source
from dlk.targets import Target
from dlk.verify.available import is_native, missing_emulator


def timings(source: Source) -> dict[str, Any]:
    """Return the latency of each target, or why there is none, and the times of layers, executors and stages."""
    latency = source.latency
    return {
        "executors_seconds": {result.executor: result.seconds for result in source.verification.equality},
        "latency": [
            *(_latency(source, target) for target in source.targets),
            *(_none(name, "the library is left out, see the limits") for name in source.left_out),
        ],
        "layers_milliseconds": {name: seconds * 1000 for name, seconds in latency.layers.items()} if latency else {},
        "machine": {"cpu": latency.machine.cpu, "cpus": latency.machine.cpus} if latency else None,
        "stages": [asdict(stage) for stage in source.stages],
    }


def _latency(source: Source, target: Target) -> dict[str, Any]:
    found = source.latency
    if found is None or found.target != target.name:
        return _none(target.name, _why_not(target))
    return {
        "target": target.name,
        "instruction_set": found.isa,
        "milliseconds": found.milliseconds,
        "fastest_milliseconds": found.latency.fastest * 1000,
        "runs": found.latency.runs,
        "reason": None,
    }


def _none(name: str, reason: str) -> dict[str, Any]:
    return {
        "target": name,
        "instruction_set": None,
        "milliseconds": None,
        "fastest_milliseconds": None,
        "runs": 0,
        "reason": reason,
    }


def _why_not(target: Target) -> str:
    """Return why a target that was built has no latency."""
    if not is_native(target):
        missing = missing_emulator(target)
        if missing is not None:
            return f"not run: {missing}"
        return f"run by {target.emulator[0]}, whose speed tells nothing of a board; there: run.py or blueoil profile"
    return "it needs an accelerator" if target.accelerated else "another library was measured"
