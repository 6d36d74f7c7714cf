"""Interleaved timing: every engine runs once a round, so that a slow minute of a shared machine hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

WARM_UP_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Timing:
    """CPU time of one run, milliseconds: median, best and worst of the rounds."""

    median: float
    best: float
    worst: float


def interleave(engines: dict[str, Callable[[], object]], *, rounds: int) -> dict[str, Timing]:
    """Time each engine ``rounds`` times, in turn; CPU time of the calling thread, milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    for round_number in range(-WARM_UP_ROUNDS, rounds):
        for name, run in engines.items():
            start = time.thread_time()
            run()
            elapsed = (time.thread_time() - start) * 1e3
            if round_number >= 0:
                times[name].append(elapsed)
    return {name: Timing(statistics.median(t), min(t), max(t)) for name, t in times.items()}
