"""``python -m blueoil.bench.fpga``: LmSegnetV1Quantize on the simulated accelerator; JSON is the last line.

The whole list of commands runs once, and each command alone, on one frame of random codes: cycles do not depend on
values. What the list wrote is compared with dlk.hw.golden. yosys, where it is installed, tells area and fan-out.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from blueoil import tensorflow_start
from blueoil.bench.entry import start
from blueoil.bench.ours import lowered_network
from blueoil.console import Console
from blueoil.size import Size
from dlk.errors import VerificationError

if TYPE_CHECKING:
    from dlk.hw.sim.measure import Measured
    from dlk.hw.sim.model import Run
    from dlk.lowering.program import Program

MHZ = 100.0
"""Of the board's clock."""


@click.command()
@click.option("--size", type=Size(), default=(360, 480), show_default="360x480", help="Input size.")
@click.option("--area/--no-area", default=True, show_default=True, help="Synthesise with yosys, which takes minutes.")
def main(size: tuple[int, int], area: bool) -> None:
    """Tell cycles and stalls of each layer on the simulated accelerator, its area, and its widest data net."""
    tensorflow_start.start()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="blueoil-fpga-") as folder:
        report = cycles(console, lowered_network(*size, Path(folder)))
        report |= synthesis(console, Path(folder), wanted=area)
    console.say(json.dumps(report))
    if report["mismatches"]:
        differing = f"{report['mismatches']} of {report['values']} values"
        raise VerificationError("the accelerator differs from its definition", received=differing)


def cycles(console: Console, program: Program) -> dict[str, Any]:
    """Run the network in simulation, print a table of its layers and return what it tells."""
    from dlk.hw.sim.measure import measure
    from dlk.lowering.offload import offload
    from dlk.lowering.program import Accelerated
    from dlk.verify.simulator import simulator

    library = simulator(lambda words: console.say(f"the simulator: {words}"))
    accelerated = offload(program)
    (step,) = (step for step in accelerated.steps if isinstance(step, Accelerated))
    codes = np.random.default_rng(0).integers(0, 4, accelerated.tensors[step.input].shape, np.uint8)
    found = measure(library, step, codes, alone=True)
    rows = rows_of(program, found)
    _draw(console, rows)
    return {
        "mac_per_cycle": rows[-1]["mac_per_cycle"],
        "cycles_network": found.network.cycles,
        "stall_share": round(found.stall_share, 4),
        "ms_at_100mhz": rows[-1]["ms"],
        "mismatches": found.mismatches,
        "values": found.values,
        "layers": rows,
    }


def rows_of(program: Program, found: Measured) -> list[dict[str, Any]]:
    """Return a row for each layer alone, and one for the whole list."""
    from dlk.lowering.program import QuantConv

    macs = {
        step.name: step.weights.size * int(np.prod(program.tensors[step.output].shape[:2]))
        for step in program.steps
        if isinstance(step, QuantConv)
    }
    rows = [_row(name, run, macs[name]) for name, run in found.layers.items()]
    return [*rows, _row("all, as one list", found.network, sum(macs[name] for name in found.layers))]


def _row(name: str, run: Run, macs: int) -> dict[str, Any]:
    return {
        "layer": name,
        "cycles": run.cycles,
        "steps": run.steps,
        "stalls": run.stalls,
        "words_read": run.words_read,
        "words_written": run.words_written,
        "ms": round(run.cycles / MHZ / 1000, 3),
        "macs": macs,
        "mac_per_cycle": round(macs / run.cycles, 1),
    }


def _draw(console: Console, rows: list[dict[str, Any]]) -> None:
    keys = ("cycles", "steps", "stalls", "words_read", "words_written")
    cells = [
        [row["layer"], *(f"{row[key]:,}" for key in keys), f"{row['ms']:.2f}", f"{row['mac_per_cycle']:.0f}"]
        for row in rows
    ]
    columns = ["layer alone", *(key.replace("_", " ") for key in keys), f"ms at {MHZ:.0f} MHz", "MAC/cycle"]
    console.table(columns, cells, title="LmSegnetV1Quantize on the simulated accelerator")


def synthesis(console: Console, folder: Path, *, wanted: bool) -> dict[str, Any]:
    """Tell area and fan-out by yosys; null where it is not installed or not wanted."""
    if not wanted or shutil.which("yosys") is None:
        console.say("area and fan-out are not known: " + ("yosys is not installed" if wanted else "--no-area"))
        return {"alm": None, "m10k": None, "alm_share": None, "m10k_share": None, "widest_data_net": None}
    from dlk.hw.synth import fanout, report

    console.say("yosys synthesises the array's netlists and the whole core, some minutes")
    widest = fanout.measure(folder)[0]
    found = report.area(folder)
    console.say(
        f"{found.alms:,} ALMs ({found.alm_share:.1%}) and {found.m10k} M10K blocks ({found.m10k_share:.1%}) by yosys; "
        f"the widest data net of the array, {widest.module}.{widest.name}, drives {widest.pins} pins"
    )
    return {
        "alm": found.alms,
        "m10k": found.m10k,
        "alm_share": round(found.alm_share, 4),
        "m10k_share": round(found.m10k_share, 4),
        "widest_data_net": asdict(widest),
    }


if __name__ == "__main__":
    start(main)
