"""``python -m blueoil.bench``: the x86 library beside LiteRT int8 on the same network; JSON is the last line.

CPU time of the calling thread, one thread everywhere, all engines in turn in each round. LiteRT runs with XNNPACK and
every instruction set it finds. It is given int8 input and output, which spares it two conversions; ours starts from
float32 and ends in float32 class scores.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from blueoil import tensorflow_start
from blueoil.bench.ours import CLASSES, build_library
from blueoil.bench.peers import build_peers
from blueoil.bench.timing import Timing, interleave
from blueoil.commands.options import Size
from blueoil.console import Console
from blueoil.errors import BlueoilError

INT8, FLOAT32 = "LiteRT int8", "LiteRT float32"
LEAST_INT8_GAIN = 3.0


@click.command()
@click.option("--size", type=Size(), default=(360, 480), show_default="360x480", help="Input size.")
@click.option("--rounds", type=click.IntRange(min=3), default=11, show_default=True, help="Runs of each engine.")
def main(size: tuple[int, int], rounds: int) -> None:
    """Time LmSegnetV1Quantize as our library and as int8 in LiteRT, side by side."""
    tensorflow_start.start()
    console = Console()
    height, width = size
    with tempfile.TemporaryDirectory(prefix="blueoil-bench-") as folder:
        console.say(f"LmSegnetV1 at {height}x{width}, {CLASSES} classes; building both sides")
        library = build_library(height, width, Path(folder))
        engines = _peers(height, width) | _ours(library, (height, width, 3))
        runnable = {name: run for name, run in engines.items() if run is not None}
        timings = interleave(runnable, rounds=rounds)
    rows = [_row(name, timings.get(name), timings[INT8]) for name in engines]
    console.table(
        ["engine", "median ms", "best", "worst", "LiteRT int8 / this"],
        [[str(r["engine"]), *(_cell(r[key]) for key in ("median_ms", "best_ms", "worst_ms", "ratio"))] for r in rows],
        title=f"CPU time of one thread, {rounds} rounds",
    )
    _check_peer(timings)
    best = max(row["ratio"] for row in rows if row["engine"].startswith("blueoil") and row["ratio"])
    console.say(json.dumps({"rows": rows, "ratio_vs_litert_int8": best}))


def _peers(height: int, width: int) -> dict[str, Callable[[], object] | None]:
    from ai_edge_litert.interpreter import Interpreter

    models = build_peers(height, width, CLASSES)

    def runner(model: bytes) -> Callable[[], object]:
        interpreter = Interpreter(model_content=model, num_threads=1)
        interpreter.allocate_tensors()
        (given,) = interpreter.get_input_details()
        interpreter.set_tensor(given["index"], np.zeros(given["shape"], given["dtype"]))
        run: Callable[[], object] = interpreter.invoke
        return run

    return {FLOAT32: runner(models.float32), INT8: runner(models.int8)}


def _ours(library: Path, shape: tuple[int, int, int]) -> dict[str, Callable[[], object] | None]:
    """Return one engine an instruction set; none for those that this machine lacks."""
    from dlk.targets import TARGETS
    from dlk.verify.executors import IsaMissingError, LibraryExecutor

    values = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    engines: dict[str, Callable[[], object] | None] = {}
    for isa in TARGETS["x86"].isas:
        try:
            executor = LibraryExecutor(library, name=isa.name, isa=isa.name)
        except IsaMissingError:
            engines[f"blueoil {isa.name}"] = None
            continue
        engines[f"blueoil {isa.name}"] = partial(executor.run, values)
    return engines


def _row(name: str, timing: Timing | None, peer: Timing) -> dict[str, Any]:
    if timing is None:
        return {"engine": name, "median_ms": None, "best_ms": None, "worst_ms": None, "ratio": None}
    return {
        "engine": name,
        "median_ms": round(timing.median, 3),
        "best_ms": round(timing.best, 3),
        "worst_ms": round(timing.worst, 3),
        "ratio": round(peer.median / timing.median, 3),
    }


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _check_peer(timings: dict[str, Timing]) -> None:
    """Refuse to compare with a peer that does not use its int8 instructions where the machine has them."""
    gain = timings[FLOAT32].median / timings[INT8].median
    if gain < LEAST_INT8_GAIN and _has_vnni():
        raise BlueoilError(
            "LiteRT int8 is too slow to be a fair peer",
            expected=f"at least {LEAST_INT8_GAIN} times the speed of its float32 on a machine with VNNI",
            received=f"{gain:.2f} times",
            fix="install ai-edge-litert with XNNPACK; run on an idle machine",
        )


def _has_vnni() -> bool:
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="ascii", errors="replace") if info.is_file() else ""
    return "avx512_vnni" in flags or "avx_vnni" in flags


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except BlueoilError as error:
        Console().warn(f"Error: {error}")
        raise SystemExit(error.exit_code) from None
