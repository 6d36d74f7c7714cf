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
SCRIPT = "read_verilog -sv {files}; synth_intel_alm -family cyclonev -nodsp -top {top}; tee -q -o {answer} stat -json"
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
    if shutil.which("yosys") is None:
        raise DlkError(
            "the accelerator's area is not known", expected="the program yosys, 0.23 or newer",
            received="none on the PATH", fix="install it, on Debian: apt install yosys",
        )  # fmt: skip
    answer = directory / f"{top}.json"
    script = SCRIPT.format(files=" ".join(map(str, files or modules())), top=top, answer=answer)
    run_logged(
        ["yosys", "-q", "-p", script], log=directory / f"{top}.log", environment=os.environ, timeout=SECONDS,
        what="the accelerator does not synthesise", fix="read the log",
    )  # fmt: skip
    return summary(top, json.loads(answer.read_text())["design"]["num_cells_by_type"])


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
