"""``python -m blueoil.bench``: the x86 library beside other engines on the same network; JSON is the last line.

All engines run in turn in each round: one thread by its CPU time, then two threads by wall time and by the CPU time of
the busier one. Ours starts from float32 and ends in float32 class scores; LiteRT is given int8 at both ends.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from blueoil import tensorflow_start
from blueoil.bench.engines import Engine, has_threads, ours, peers
from blueoil.bench.entry import start
from blueoil.bench.limits import image_adders
from blueoil.bench.ours import CLASSES, build_library, lowered_network
from blueoil.bench.peaks import INT8_FLAGS, cpu_flags, measure
from blueoil.bench.rows import (
    BASELINE,
    OURS,
    REFERENCE,
    best,
    check_peers,
    pair_rows,
    ratios,
    single_rows,
    speedups,
)
from blueoil.bench.timing import interleave, interleave_pairs
from blueoil.bench.topology import macs
from blueoil.console import Console
from blueoil.errors import BlueoilError
from blueoil.size import Size

LIBRARY = "libdlk_x86.so"


@click.command()
@click.option("--size", type=Size(), default=(360, 480), show_default="360x480", help="Input size.")
@click.option("--rounds", type=click.IntRange(min=3), default=11, show_default=True, help="Runs of each engine.")
@click.option(
    "--baseline", type=click.Path(exists=True, path_type=Path), help=f"An older {LIBRARY}, or a folder that holds one."
)
@click.option("--keep", type=click.Path(path_type=Path), help="Copy our library here, as a later baseline.")
def main(size: tuple[int, int], rounds: int, baseline: Path | None, keep: Path | None) -> None:
    """Time LmSegnetV1Quantize as our library and as int8 in other engines, side by side."""
    tensorflow_start.start()
    with tempfile.TemporaryDirectory(prefix="blueoil-bench-") as folder:
        report = _report(Console(), Path(folder), size, rounds, baseline, keep)
    Console().say(json.dumps(report))


def _report(
    console: Console, folder: Path, size: tuple[int, int], rounds: int, baseline: Path | None, keep: Path | None
) -> dict[str, Any]:
    from dlk.targets import TARGETS

    height, width = size
    shape = (height, width, 3)
    count = macs(height, width, CLASSES)
    console.say(f"LmSegnetV1 at {height}x{width}, {CLASSES} classes, {count / 1e9:.2f} GMAC; building all sides")
    program = lowered_network(height, width, folder)
    library = build_library(program, folder / "project")
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / LIBRARY).write_bytes(library.read_bytes())
    engines = [*peers(height, width, CLASSES), *ours(library, shape, label=OURS)]
    if baseline:
        engines += ours(_library(baseline), shape, label=BASELINE)
    adders = {isa.name: image_adders(program, isa.lanes) for isa in TARGETS["x86"].isas}

    peaks = measure(folder)
    single = interleave({e.name: e.load(1) for e in engines if e.load}, rounds=rounds)
    rows = single_rows(engines, single, count, peaks, adders)
    _draw(
        console,
        rows,
        ("median_ms", "best_ms", "worst_ms", "macs_per_cycle", "share_of_limit", "ratio"),
        f"one thread, CPU time, {rounds} rounds; the core runs at {peaks.ghz:.2f} GHz",
    )
    vnni = bool(cpu_flags() & {INT8_FLAGS["int8_avx_vnni"], INT8_FLAGS["int8_avx512_vnni"]})
    check_peers(single, vnni=vnni)
    able = [e for e in engines if not e.name.startswith((OURS, BASELINE)) or has_threads(_of(e, library, baseline))]
    pairs = interleave_pairs({e.name: e.load(2) for e in able if e.load and e.kind != "float32"}, rounds=rounds)
    two = pair_rows([e for e in engines if e.kind != "float32"], pairs)
    _draw(
        console, two, ("wall_ms", "best_wall_ms", "busiest_thread_ms", "ratio"), f"two threads, wall, {rounds} rounds"
    )
    isas = [isa.name for isa in TARGETS["x86"].isas]
    against = ratios(single, isas, REFERENCE)
    speedup = speedups(single, pairs)
    return {
        "ratio_vs_litert_int8": best(against),
        "ratios_vs_litert_int8": against,
        "ratios_vs_onnxruntime_int8": ratios(single, isas, "onnxruntime int8"),
        "ratios_vs_openvino_int8": ratios(single, isas, "OpenVINO int8"),
        "ratio_vs_baseline": ratios(single, isas, f"{BASELINE} {{isa}}") if baseline else None,
        "two_thread_speedup": best({isa: speedup.get(f"{OURS} {isa}") for isa in isas}),
        "two_thread_speedups": speedup,
        "rows": rows,
        "two_threads": two,
        "machine": {
            "ghz": round(peaks.ghz, 3),
            "vnni": vnni,
            "logic_operations_per_cycle": {name: round(value, 2) for name, value in peaks.logic.items()},
            "int8_macs_per_cycle": {name: round(value, 1) for name, value in peaks.int8.items()},
        },
        "macs": count,
        "full_adders": adders,
    }


def _of(engine: Engine, library: Path, baseline: Path | None) -> Path:
    return _library(baseline) if baseline and engine.name.startswith(BASELINE) else library


def _library(given: Path) -> Path:
    """Return the library that ``--baseline`` names. Raises BlueoilError."""
    library = given / LIBRARY if given.is_dir() else given
    if not library.is_file():
        raise BlueoilError(
            "no library to compare with", where=str(given), expected=f"a file, or a folder with {LIBRARY}"
        )
    return library


def _draw(console: Console, rows: Sequence[dict[str, Any]], keys: Sequence[str], title: str) -> None:
    names = {"ratio": f"{REFERENCE} / this", "share_of_limit": "of its limit", "macs_per_cycle": "MAC/cycle"}
    table = [[str(row["engine"]), *(_cell(row, key) for key in keys), row.get("missing") or ""] for row in rows]
    console.table(["engine", *(names.get(key, key.replace("_", " ")) for key in keys), ""], table, title=title)


def _cell(row: dict[str, Any], key: str) -> str:
    value = row[key]
    if value is None:
        return "-"
    return f"{100 * value:.0f} %" if key == "share_of_limit" else f"{value:.2f}"


if __name__ == "__main__":
    start(main)
