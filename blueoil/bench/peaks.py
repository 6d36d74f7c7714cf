"""What this core can do at most, measured here and now: its clock, logic operations and int8 multiply-adds a cycle."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from blueoil.bench.run import run

SOURCE = Path(__file__).with_name("peaks.c")
ROUNDS = 400_000
REPEATS = 5

# Our instruction sets and the flag of /proc/cpuinfo that each needs; the int8 ways, the best last.
LOGIC_FLAGS: Mapping[str, str] = {"portable": "lm", "sse2": "sse2", "avx2": "avx2", "avx512": "avx512f"}
INT8_FLAGS: Mapping[str, str] = {
    "int8_avx2": "avx2",
    "int8_avx_vnni": "avx_vnni",
    "int8_avx512_vnni": "avx512_vnni",
}


@dataclass(frozen=True, slots=True)
class Peaks:
    """Measured on one core.

    ghz: its clock; logic: operations on whole registers a cycle for each of our instruction sets; int8: multiply-adds
    a cycle for each way of doing them; those that the machine lacks are absent.
    """

    ghz: float
    logic: Mapping[str, float]
    int8: Mapping[str, float]

    @property
    def best_int8(self) -> float | None:
        """The int8 multiply-adds a cycle that no int8 engine can pass."""
        return max(self.int8.values(), default=None)


def cpu_flags() -> frozenset[str]:
    """Return the flags of this machine's processor as Linux names them."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="ascii", errors="replace").splitlines() if info.is_file() else []
    return frozenset(next((line.split(":")[1] for line in lines if line.startswith("flags")), "").split())


def measure(folder: Path) -> Peaks:
    """Compile the loops in ``folder`` and time each for some milliseconds of CPU time, the best of a few tries."""
    from dlk.build.toolchain import environment, zig

    library = folder / "libpeaks.so"
    command = [str(zig()), "cc", "-O2", "-mcpu=x86_64", "-shared", "-fPIC", str(SOURCE), "-o", str(library)]
    run(command, env=environment())
    loops = ctypes.CDLL(str(library))
    flags = cpu_flags()
    ghz = _rate(loops, "chain")
    return Peaks(ghz, dict(_rates(loops, LOGIC_FLAGS, flags, ghz)), dict(_rates(loops, INT8_FLAGS, flags, ghz)))


def _rates(
    loops: ctypes.CDLL, wanted: Mapping[str, str], flags: frozenset[str], ghz: float
) -> Iterator[tuple[str, float]]:
    for name, flag in wanted.items():
        if flag in flags:
            yield name, _rate(loops, name) / ghz


def _rate(loops: ctypes.CDLL, name: str) -> float:
    """Return operations a nanosecond."""
    loop = getattr(loops, f"peak_{name}")
    loop.restype, loop.argtypes = ctypes.c_int64, [ctypes.c_int64]
    loop(ROUNDS // 10)
    times = []
    for _ in range(REPEATS):
        start = time.thread_time_ns()
        operations = loop(ROUNDS)
        times.append(time.thread_time_ns() - start)
    return float(operations) * ROUNDS / min(times)
