"""``python -m blueoil.bench.arm``: the library's speed on ARM cores, estimated; JSON is the last line.

The real library code runs once under qemu, which tells every instruction that it executed; llvm-mca simulates them for
each core, from the first cache. What the caches then cost is a model of its own, told beside it. +-30 % at least:
nothing here ran on a board.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from blueoil import tensorflow_start
from blueoil.bench.arm.estimate import RECORDED_HEIGHT, Cost, costs, layers, network_cycles
from blueoil.bench.arm.loops import AVX512, counting_loop, macs_per_cycle
from blueoil.bench.arm.mca import CORES, X86_CORES, Core, loop_cycles
from blueoil.bench.arm.reckoning import NOW, PLAIN, Verdict, image_cycles, judge, lists_of
from blueoil.bench.arm.record import record
from blueoil.bench.arm.tools import Llvm, find_llvm
from blueoil.bench.entry import start
from blueoil.bench.ours import lowered_network
from blueoil.console import Console

LARGEST = 2304  # inputs of the layers that the goals are set for
GROUP_OUTPUTS = 7  # of their trees, D = 6
MHZ = {"cortex-a9": 800.0}  # the DE10-Nano
TWO_CORES = 1.85  # two threads over one: 1.8 to 1.9 expected
PHASES = ("taps", "leaf", "merge", "compare")
Table = tuple[list[str], list[list[str]], str]  # columns, rows, title


@click.command()
@click.option("--height", type=click.IntRange(min=16), default=360, show_default=True, help="Rows of the whole image.")
@click.option(
    "--cache/--no-cache", default=True, show_default=True, help="Judge ways to keep the data by a cache model."
)
@click.option("--x86", is_flag=True, help="Estimate Zen 3 and Zen 4 instead, to hold the method against a real clock.")
def main(height: int, cache: bool, x86: bool) -> None:
    """Estimate LmSegnetV1Quantize at 360x480 on Cortex-A9, A53, A72 and Neoverse N1 by llvm-mca."""
    llvm = find_llvm()
    tensorflow_start.start()
    console = Console()
    width = 480
    with tempfile.TemporaryDirectory(prefix="blueoil-arm-") as folder:
        console.say(f"llvm-mca {llvm.version}; recording one run at {RECORDED_HEIGHT}x{width} for each target")
        report = _report(console, Path(folder), height, width, X86_CORES if x86 else CORES, cache=cache)
    console.say(json.dumps(report))


def _report(
    console: Console, folder: Path, height: int, width: int, cores: tuple[Core, ...], *, cache: bool
) -> dict[str, Any]:
    from dlk.codegen import emit
    from dlk.lowering.program import QuantConv
    from dlk.targets import TARGETS

    llvm = find_llvm()
    recorded = lowered_network(RECORDED_HEIGHT, width, folder / "low")
    whole = lowered_network(height, width, folder / "high")
    recordings = {}
    for core in cores:
        if (core.target, core.isa) not in recordings:
            project = folder / f"{core.target}_{core.isa}"
            emit(recorded, project, TARGETS[core.target])
            recordings[core.target, core.isa] = record(project, core.target, core.isa, llvm)
    report: dict[str, Any] = {"llvm": llvm.version, "height": height, "width": width, "cores": {}}
    verdicts: list[Verdict] = []
    for core in cores:
        known = layers(recorded, whole, core.lanes)
        found = costs(recordings[core.target, core.isa], core, llvm, known, height / RECORDED_HEIGHT)
        big = [cost for cost in found if cost.layer and cost.layer.inputs == LARGEST]
        report["cores"][core.name] = summary(core, found, big)
        _draw(console, _layer_table(core, found))
        if cache and core.cpu in ("cortex-a9", "cortex-a53") and big:
            steps = {step.name: step for step in recorded.steps if isinstance(step, QuantConv)}
            report["cores"][core.name] |= _with_caches(core, found, steps)
            computing = big[0].total / (big[0].layer.recorded_tiles if big[0].layer else 1)
            for number in (1, 2):
                verdicts += judge(lists_of(steps[big[0].name]), core.cpu, computing, cores=number)
    _draw(console, _core_table(report["cores"]))
    if cores is X86_CORES:
        report["avx512_leaf_loop"] = _avx512(console, recordings["x86", "avx2"].text, llvm)
    if verdicts:
        _draw(console, _cache_table(verdicts))
    report["cache"] = [
        {"core": v.core, "cores": v.cores, "way": v.way, "l1_hit_rate": round(v.hit_rate, 4), "cycles": round(v.cycles)}
        for v in verdicts
    ]
    return report


def _avx512(console: Console, text: Mapping[int, str], llvm: Llvm) -> dict[str, Any] | None:
    """Tell the counting loop of AVX-512, which no emulator of ours runs."""
    loop = counting_loop(text)
    if loop is None:
        return None
    taken = loop_cycles(loop.instructions, AVX512, llvm)
    rate = macs_per_cycle(loop, GROUP_OUTPUTS, llvm)
    console.say(
        f"{AVX512.name}: the counting loop takes {taken:.1f} cycles for {loop.loads // 2} inputs, "
        f"{rate:.0f} MAC/cycle in groups of {GROUP_OUTPUTS} outputs; merging, taps and caches not included"
    )
    return {"cycles": round(taken, 2), "inputs": loop.loads // 2, "macs_per_cycle": round(rate, 1)}


def _draw(console: Console, table: Table) -> None:
    columns, rows, title = table
    console.table(columns, rows, title=title)


def summary(core: Core, found: list[Cost], big: list[Cost]) -> dict[str, Any]:
    """Return what is told of a core; the K = 2304 layers together count as one."""
    total, other = network_cycles(found)
    result: dict[str, Any] = {
        "cpu": core.cpu,
        "macs_per_cycle_2304": _rate(big, None),
        "leaf_macs_per_cycle_2304": _rate(big, "leaf"),
        "instructions_2304": {name: sum(cost.instructions.get(name, 0) for cost in big) for name in PHASES},
        "vector_instructions_2304": sum(cost.vectors for cost in big),
        "cycles_2304": round(sum(cost.total for cost in big)),
        "least": core.least,
        "goal": core.goal,
        "network_megacycles": round(total / 1e6, 2),
        "non_conv_share": round(other / total, 4),
    }
    if core.cpu in MHZ:
        milliseconds = total / MHZ[core.cpu] / 1e3
        result |= {
            "mhz": MHZ[core.cpu],
            "one_core_ms": round(milliseconds, 1),
            "two_cores_ms": round(milliseconds / TWO_CORES, 1),
            "two_core_speedup_assumed": TWO_CORES,
        }
    return result


def _with_caches(core: Core, found: list[Cost], steps: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole image with the cache model, as the data is kept and without the prefetch."""
    result: dict[str, Any] = {}
    for name, way in (("now", NOW), ("without_prefetch", PLAIN)):
        for cores in (1, 2):
            taken = image_cycles(found, steps, core.cpu, cores=cores, way=way)
            result[f"megacycles_with_caches_{name}_x{cores}"] = round(taken / 1e6, 1)
            if core.cpu in MHZ:
                share = 1.0 if cores == 1 else TWO_CORES
                result[f"ms_with_caches_{name}_x{cores}"] = round(taken / share / MHZ[core.cpu] / 1e3, 1)
    return result


def _rate(big: list[Cost], phase: str | None) -> float | None:
    """Multiply-adds a cycle of the K = 2304 layers, of one phase's cycles or of all."""
    taken = sum(cost.total if phase is None else cost.cycles.get(phase, 0.0) for cost in big)
    macs = sum((cost.macs_per_cycle or 0.0) * cost.total for cost in big)
    return round(macs / taken, 1) if taken else None


def _layer_table(core: Core, found: list[Cost]) -> Table:
    rows = []
    for cost in found:
        tiles = cost.layer.recorded_tiles if cost.layer else 1
        phases = [_thousands(cost.cycles.get(name), tiles) for name in PHASES]
        rest = sum(value for name, value in cost.cycles.items() if name not in PHASES)
        rows.append(
            [
                cost.name,
                str(cost.layer.inputs) if cost.layer else "-",
                *phases,
                _thousands(rest, tiles),
                f"{cost.macs_per_cycle:.1f}" if cost.macs_per_cycle else "-",
                f"{cost.total * cost.scale / 1e6:.2f}",
            ]
        )
    columns = ["step", "K", *PHASES, "rest", "MAC/cycle", "Mcycles, image"]
    return columns, rows, f"{core.name}: thousands of cycles a tile (convolutions) or a low image (other steps)"


def _thousands(value: float | None, tiles: int) -> str:
    return f"{value / tiles / 1e3:.1f}" if value else "-"


def _core_table(cores: dict[str, dict[str, Any]]) -> Table:
    rows = [
        [
            name,
            str(c["macs_per_cycle_2304"]),
            str(c["leaf_macs_per_cycle_2304"]),
            f"{c['least'] or '-'} / {c['goal'] or '-'}",
            f"{c['network_megacycles']:.1f}",
            f"{100 * c['non_conv_share']:.1f} %",
            f"{c['one_core_ms']:.0f} / {c['two_cores_ms']:.0f} at {c['mhz']:.0f} MHz" if "mhz" in c else "-",
        ]
        for name, c in cores.items()
    ]
    columns = ["core", "MAC/cycle", "leaf alone", "least / goal", "Mcycles, image", "not convs", "ms on 1 / 2 cores"]
    return columns, rows, f"3x3 convolutions with K = {LARGEST}, and the whole network; all data in the first cache"


def _cache_table(verdicts: list[Verdict]) -> Table:
    rows = [
        [
            f"{v.core} x{v.cores}",
            v.way,
            f"{100 * v.hit_rate:.1f} %",
            str(v.l1_misses),
            str(v.l2_misses),
            _thousands(v.computing, 1),
            _thousands(v.stalled, 1),
            _thousands(v.cycles, 1),
        ]
        for v in verdicts
    ]
    columns = ["cores", "data", "L1 hits", "L1 misses", "L2 misses", "computing", "stalled", "sum"]
    return columns, rows, f"K = {LARGEST}: thousands of cycles of one core for a tile, by the cache model"


if __name__ == "__main__":
    start(main)
