"""What is known of the processor, for reports."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

_NAMES = ("model name", "Hardware", "Model", "cpu model")


@dataclass(frozen=True, slots=True)
class Machine:
    """The processor's name, its clock in MHz when the system tells one, and the CPUs that this process may use."""

    cpu: str
    megahertz: float | None
    cpus: int


def this_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> Machine:
    """Return what the system tells."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = dict(re.findall(r"^([\w ]+?)\s*:\s*(.+)$", text, re.MULTILINE))
    name = next((found[key] for key in _NAMES if key in found), platform.machine())
    clock = re.fullmatch(r"\d+(\.\d+)?", found.get("cpu MHz", ""))
    return Machine(name, float(clock[0]) if clock else None, len(os.sched_getaffinity(0)))
