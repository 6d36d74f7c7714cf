"""Interleaved timing: every engine runs once a round, so that a slow minute of a shared machine hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

WARM_UP_ROUNDS = 2
TASKS = Path("/proc/self/task")


@dataclass(frozen=True, slots=True)
class Timing:
    """One run, milliseconds: median, best and worst of the rounds."""

    median: float
    best: float
    worst: float


@dataclass(frozen=True, slots=True)
class PairTiming:
    """One run on two threads, milliseconds: wall time, and the CPU time of the thread that worked longest."""

    wall: Timing
    busiest: Timing


def take_turns(engines: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Time each engine ``rounds`` times, in turn: CPU time of the process, milliseconds, a value a round.

    All threads count, since some engines compute in a thread of their own even when they were asked for one thread.
    """
    times: dict[str, list[float]] = {name: [] for name in engines}
    for round_number in range(-WARM_UP_ROUNDS, rounds):
        for name, run in engines.items():
            start = time.process_time()
            run()
            elapsed = (time.process_time() - start) * 1e3
            if round_number >= 0:
                times[name].append(elapsed)
    return times


def paired(times: Iterable[float], reference: Iterable[float]) -> float:
    """Return the median over the rounds of time / reference's time."""
    return statistics.median(ours / other for ours, other in zip(times, reference, strict=True))


def interleave(engines: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, Timing]:
    """Time each engine as ``take_turns`` does, and sum each one up."""
    return {name: summary(times) for name, times in take_turns(engines, rounds=rounds).items()}


def interleave_pairs(engines: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, PairTiming]:
    """Time engines that work on two threads, in turn: wall time and the CPU time of the busiest thread."""
    walls: dict[str, list[float]] = {name: [] for name in engines}
    longest: dict[str, list[float]] = {name: [] for name in engines}
    for round_number in range(-WARM_UP_ROUNDS, rounds):
        for name, run in engines.items():
            before = thread_times()
            start = time.perf_counter()
            run()
            wall = (time.perf_counter() - start) * 1e3
            after = thread_times()
            if round_number >= 0:
                walls[name].append(wall)
                longest[name].append(busiest(before, after))
    return {name: PairTiming(summary(walls[name]), summary(longest[name])) for name in engines}


def summary(times: Iterable[float]) -> Timing:
    """Return median, best and worst."""
    known = list(times)
    return Timing(statistics.median(known), min(known), max(known))


def thread_times() -> dict[str, int]:
    """Return the CPU time of each thread of this process, nanoseconds.

    By the threads' own clocks: what /proc tells of a thread at work is as old as the scheduler's last look at it.
    """
    times = {}
    for task in TASKS.iterdir():
        try:
            times[task.name] = time.clock_gettime_ns(_cpu_clock(int(task.name)))
        except OSError:  # it ended
            continue
    return times


def _cpu_clock(thread: int) -> int:
    """Return the clock of a thread by its number in the kernel, as Linux numbers them (pthread_getcpuclockid)."""
    per_thread, scheduled = 4, 2
    return ~thread << 3 | per_thread | scheduled


def busiest(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """Return the largest increase of a thread's CPU time, milliseconds; a new thread began at 0."""
    return max((spent - before.get(thread, 0) for thread, spent in after.items()), default=0) / 1e6
