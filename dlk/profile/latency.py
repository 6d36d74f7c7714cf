"""How long a library and each of its steps take: medians of many runs, after some that nobody counts."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np

from dlk.profile.library import ProfiledLibrary
from dlk.profile.roofline import ACCELERATED

WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of one image: CPU time on one thread, so that a machine that others use too tells the same; wall time
    on several threads, or with an accelerator.

    steps: each step, median of the runs. whole: a run from the call to its return, median; ``fastest``: the least.
    """

    steps: tuple[float, ...]
    whole: float
    fastest: float
    runs: int


def measure(library: ProfiledLibrary, *, runs: int) -> Latency:
    """Run ``library`` on random values. What it computes takes the same time for every input."""
    values = np.random.default_rng(0).normal(size=library.input_shape).astype(np.float32)
    # An accelerator's time is none of the processor's, which sleeps meanwhile.
    alone = library.threads == 1 and all(facts.kind != ACCELERATED for facts in library.facts)
    clock = time.thread_time if alone else time.perf_counter
    steps, wholes = [], []
    library.set_timing(True)
    try:
        for index in range(WARM_UP + runs):
            started = clock()
            library.run(values)
            whole = clock() - started
            if index >= WARM_UP:
                wholes.append(whole)
                steps.append(library.seconds(cpu=alone))
    finally:
        library.set_timing(False)
    medians = tuple(statistics.median(found) for found in zip(*steps, strict=True))
    return Latency(medians, statistics.median(wholes), min(wholes), runs)
