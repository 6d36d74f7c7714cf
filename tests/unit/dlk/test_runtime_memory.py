"""A run asks for no memory, and a network needs little of it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs import Builder

from dlk.build import build
from dlk.codegen import emit
from dlk.targets import TARGETS

X86 = TARGETS["x86"]
DRIVER = Path(__file__).parent / "allocations.c"


@pytest.mark.needs("gcc")
@pytest.mark.parametrize(("threads", "least"), [(1, 4), (4, 8)])
def test_a_run_asks_for_no_memory(projects: dict[str, Path], tmp_path: Path, threads: int, least: int) -> None:
    """Nor does it start a thread. What making the network asks for is seen: its memory, its threads."""
    project = projects["branching"]
    command = ["gcc", "-Wall", "-Wextra", "-Werror", f"-I{project / 'include'}", "-o", tmp_path / "allocations"]
    libraries = [project / "build" / X86.library, "-ldl", "-lpthread"]
    subprocess.run([*command, DRIVER, *libraries], check=True)
    environment = {**os.environ, "DLK_NUM_THREADS": str(threads)}
    result = subprocess.run([tmp_path / "allocations"], capture_output=True, text=True, env=environment, check=True)
    making, running = map(int, result.stdout.split())
    assert making >= least
    assert running == 0


PEAK = """
import ctypes, sys

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

before = peak()
library = ctypes.CDLL(sys.argv[1])
library.network_create.restype = ctypes.c_void_p
network = ctypes.c_void_p(library.network_create())
assert library.dlk_init(network) == 0
source, result = (ctypes.c_float * int(sys.argv[2]))(), (ctypes.c_float * int(sys.argv[3]))()
for _ in range(2):
    assert library.dlk_run(network, source, result) == 0
print(peak() - before)
"""


def test_a_large_network_needs_little_memory(tmp_path: Path) -> None:
    """360x480 pixels, 11 classes: at most 40 MB above the interpreter, 9.7 MB of which are the caller's images.

    The network's blocks are those of a segmentation; its layers are few, so that the test is quick.
    """
    net = Builder("large", (360, 480, 3), 0).space_to_depth().float_conv(1, 32, 2).quant_conv(3, 32, 2)
    net.space_to_depth().quant_conv(1, 64, 2).depth_to_space().quant_conv(3, 32, 2).depth_to_space()
    program = net.quant_conv(1, 11, 0).program()
    portable = dataclasses.replace(X86, isas=X86.isas[:1])
    emit(program, tmp_path / "p", portable)
    library = build(tmp_path / "p", portable)
    command = [sys.executable, "-c", PEAK, library, str(360 * 480 * 3), str(360 * 480 * 11)]
    for threads in ("1", "4"):
        environment = {**os.environ, "DLK_NUM_THREADS": threads}
        result = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        assert 9_500 < int(result.stdout) < 40_000, f"{threads} threads"
