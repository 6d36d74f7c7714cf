"""The arithmetic of the report: one row an engine, ratios against the peers, and what to refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blueoil.bench.engines import Engine
from blueoil.bench.limits import limit_ms
from blueoil.bench.peaks import Peaks
from blueoil.bench.timing import PairTiming, Timing
from blueoil.errors import BlueoilError

OURS, BASELINE = "blueoil", "baseline"
REFERENCE = "LiteRT int8"
# An int8 engine must be this much quicker than its own float32 where the machine has VNNI.
LEAST_INT8_GAIN = {"LiteRT": 3.0, "onnxruntime": 2.0, "OpenVINO": 2.5}


def single_rows(
    engines: Sequence[Engine], timings: Mapping[str, Timing], macs: int, peaks: Peaks, adders: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Return a row for each engine, one thread; what is unknown is None.

    Ratios compare medians. MAC per cycle and the share of the limit are of the best round, as the clock is.
    """
    reference = timings.get(REFERENCE)
    rows = []
    for engine in engines:
        timing = timings.get(engine.name)
        limit = limit_ms(engine.kind, macs, peaks, adders) if timing else None
        rows.append(
            {
                "engine": engine.name,
                "median_ms": _of(timing, "median"),
                "best_ms": _of(timing, "best"),
                "worst_ms": _of(timing, "worst"),
                "macs_per_cycle": round(macs / (timing.best * peaks.ghz * 1e6), 1) if timing else None,
                "share_of_limit": round(limit / timing.best, 3) if timing and limit else None,
                "ratio": ratio(reference, timing),
                "missing": engine.missing or None,
            }
        )
    return rows


def pair_rows(engines: Sequence[Engine], timings: Mapping[str, PairTiming]) -> list[dict[str, Any]]:
    """Return a row for each engine, two threads."""
    reference = timings[REFERENCE].wall if REFERENCE in timings else None
    rows = []
    for engine in engines:
        timing = timings.get(engine.name)
        wall = timing.wall if timing else None
        rows.append(
            {
                "engine": engine.name,
                "wall_ms": _of(wall, "median"),
                "best_wall_ms": _of(wall, "best"),
                "busiest_thread_ms": _of(timing.busiest if timing else None, "median"),
                "ratio": ratio(reference, wall),
            }
        )
    return rows


def ratio(reference: Timing | None, timing: Timing | None) -> float | None:
    """Return how many times quicker an engine is than the reference, by the medians."""
    return round(reference.median / timing.median, 3) if reference and timing else None


def ratios(timings: Mapping[str, Timing], isas: Sequence[str], reference: str) -> dict[str, float | None]:
    """Return for each of our instruction sets the ratio against one engine, or against ``{isa}`` in its name."""
    return {isa: ratio(timings.get(reference.format(isa=isa)), timings.get(f"{OURS} {isa}")) for isa in isas}


def best(values: Mapping[str, float | None]) -> float | None:
    """Return the largest known value."""
    return max((value for value in values.values() if value is not None), default=None)


def speedups(single: Mapping[str, Timing], pairs: Mapping[str, PairTiming]) -> dict[str, float | None]:
    """Return for each engine one thread's CPU time over the busiest of two threads' (wall time is noisy)."""
    return {
        name: round(timing.median / pairs[name].busiest.median, 3)
        for name, timing in single.items()
        if name in pairs and pairs[name].busiest.median
    }


def check_peers(timings: Mapping[str, Timing], *, vnni: bool) -> None:
    """Refuse to compare with a peer that does not use its int8 instructions where the machine has them."""
    for peer, least in LEAST_INT8_GAIN.items():
        int8, plain = timings.get(f"{peer} int8"), timings.get(f"{peer} float32")
        if not vnni or int8 is None or plain is None:
            continue
        gain = plain.median / int8.median
        if gain < least:
            raise BlueoilError(
                f"{peer} int8 is too slow to be a fair peer",
                expected=f"at least {least} times the speed of its float32 on a machine with VNNI",
                received=f"{gain:.2f} times",
                fix="update the peer's package; run on an idle machine",
            )


def _of(timing: Timing | None, what: str) -> float | None:
    return round(getattr(timing, what), 3) if timing else None
