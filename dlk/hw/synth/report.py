"""Area of the accelerator as yosys counts it for a Cyclone V: raw cells, ALMs and M10K blocks, as JSON.

yosys does not pack. An ALM holds one table of six inputs or two smaller ones, and four flip-flops: the estimate is the
larger of both needs. Quartus may need more where routing is dense, or less where it packs better.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dlk.build.process import run_logged
from dlk.errors import DlkError
from dlk.hw.sim.build import TOP, modules

DEVICE_ALMS, DEVICE_M10K = 41_910, 553
"""Of the Cyclone V on a DE10-Nano, 5CSEBA6U23I7."""
CEILING = 0.6
"""Part of the ALMs that the accelerator may take."""
SCRIPT = "synth_intel_alm -family cyclonev -nodsp -noiopad -noclkbuf -top {top}; tee -q -o {answer} stat -json"
OLDEST_YOSYS = "0.23"
SECONDS = 3600.0
SMALL = ("MISTRAL_NOT", "MISTRAL_ALUT2", "MISTRAL_ALUT3", "MISTRAL_ALUT4", "MISTRAL_ALUT5", "MISTRAL_ALUT_ARITH")


@dataclass(frozen=True, slots=True)
class Area:
    """Cells by type, and what they come to: ALMs, M10K blocks and their shares of the device."""

    top: str
    cells: dict[str, int]
    alms: int
    m10k: int
    alm_share: float
    m10k_share: float


def area(directory: Path, *, top: str = TOP, files: Sequence[Path] | None = None) -> Area:
    """Synthesise ``top`` and return its area; ``directory`` takes the log. The whole core takes minutes.

    Raises DlkError when yosys is missing or refuses a file.
    """
    return summary(top, synthesise(directory, top, files or modules()))


def synthesise(
    directory: Path, top: str, files: Sequence[Path], *, boxes: Sequence[Path] = (), netlist: Path | None = None
) -> dict[str, int]:
    """Synthesise ``top`` and return its cells by type.

    boxes: modules whose ports alone are read. netlist: where the netlist goes, as yosys' JSON. Raises DlkError.
    """
    if shutil.which("yosys") is None:
        raise DlkError(
            "the accelerator's area is not known", expected=f"the program yosys, {OLDEST_YOSYS} or newer",
            received="none on the PATH", fix="install it, on Debian: apt install yosys",
        )  # fmt: skip
    answer = directory / f"{top}.json"
    script = f"read_verilog -sv {' '.join(map(str, files))}; {SCRIPT.format(top=top, answer=answer)}"
    if boxes:
        script = f"read_verilog -sv -lib {' '.join(map(str, boxes))}; {script}"
    if netlist:
        script = f"{script}; write_json {netlist}"
    run_logged(
        ["yosys", "-q", "-p", script], log=directory / f"{top}.log", environment=os.environ, timeout=SECONDS,
        what="the accelerator does not synthesise", fix="read the log",
    )  # fmt: skip
    return counted(directory, top)


def counted(directory: Path, top: str) -> dict[str, int]:
    """Return the cells by type that ``synthesise`` counted in a folder."""
    cells: dict[str, int] = json.loads((directory / f"{top}.json").read_text())["design"]["num_cells_by_type"]
    return cells


def summary(top: str, cells: Mapping[str, int]) -> Area:
    """Return what these cells come to."""
    tables = cells.get("MISTRAL_ALUT6", 0) + sum(cells.get(name, 0) for name in SMALL) / 2
    alms = round(max(cells.get("MISTRAL_FF", 0) / 4, tables))
    m10k = cells.get("MISTRAL_M10K", 0)
    return Area(top, dict(sorted(cells.items())), alms, m10k, alms / DEVICE_ALMS, m10k / DEVICE_M10K)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the area of the core, or of one module, as JSON; 1 when it is over the ceiling."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--top", default=TOP, help="a module of dlk/hw/rtl, with its default parameters")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        found = area(Path(directory), top=options.top)
    sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n")
    return int(found.alm_share > CEILING or found.m10k > DEVICE_M10K)


if __name__ == "__main__":
    sys.exit(main())
