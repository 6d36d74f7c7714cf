"""The simulated accelerator from Python: registers, a flat memory and whole runs."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType

import numpy as np

from dlk.errors import DlkError, InternalError
from dlk.hw.layout import BYTES, Words

BUSY, DONE, ERROR = 1, 2, 4
"""Bits of STATUS."""
START, ABANDON = 1, 2
"""What CONTROL takes."""


class Register(IntEnum):
    """Byte offsets of the registers; README.md, "Registers"."""

    ID = 0x00
    VERSION = 0x04
    ARRAY = 0x08
    BUFFERS = 0x0C
    CONTROL = 0x10
    STATUS = 0x14
    LIST = 0x18
    COUNT = 0x1C
    ERROR = 0x20
    ERROR_COMMAND = 0x24
    CYCLES = 0x28
    STEPS = 0x2C
    STALLS = 0x30
    COMMANDS = 0x34
    WORDS_READ = 0x38
    WORDS_WRITTEN = 0x3C


@dataclass(frozen=True, slots=True)
class Options:
    """How the memory behaves; one word a cycle in all.

    Attributes:
        latency: cycles from an address to its first word.
        stall: chance, in 1/256, that a channel does not move in a cycle.
        seed: of the stalls, and of what registers hold before the reset.
        fault: address whose bursts are answered with an error; 0: none.
    """

    latency: int = 30
    stall: int = 0
    seed: int = 0
    fault: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """The registers after a run; cycles, words and counts of README.md."""

    status: int
    error: int
    error_command: int
    cycles: int
    steps: int
    stalls: int
    commands: int
    words_read: int
    words_written: int


class _Options(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("latency", "stall", "seed", "fault")]


class Simulator:
    """One accelerator with its memory: ``with Simulator(library, 1 << 20) as sim: ...``.

    Args:
        library: what dlk.hw.sim.build.build returned.
        memory_bytes: from address 0; a multiple of 8.
        options: of the memory.
        memory: that it shall be, as many bytes; None: one of its own, zeroed.
    """

    def __init__(
        self, library: Path, memory_bytes: int, options: Options | None = None, *, memory: Words | None = None
    ) -> None:
        chosen = options or Options()
        self._library = _load(library)
        raw = _Options(chosen.latency, chosen.stall, chosen.seed, chosen.fault)
        given = None if memory is None else memory.ctypes.data
        self._sim = self._library.dlk_sim_create_in(given, memory_bytes, ctypes.byref(raw))
        if not self._sim:
            raise DlkError("no memory for the simulated accelerator", expected=f"{memory_bytes} bytes")
        address = self._library.dlk_sim_memory(self._sim)
        kind = ctypes.c_uint64 * (memory_bytes // BYTES)
        self.memory: Words = np.ctypeslib.as_array(kind.from_address(address)) if memory is None else memory
        """All words of the memory, shared with the accelerator; not to be used after the end of ``with``."""

    def __enter__(self) -> Simulator:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the accelerator and its memory."""
        self._library.dlk_sim_destroy(self._sim)
        self._sim = None

    def read32(self, register: int) -> int:
        """Return a register's value."""
        return int(self._library.dlk_sim_read32(self._sim, register))

    def write32(self, register: int, value: int) -> None:
        """Write a register."""
        self._library.dlk_sim_write32(self._sim, register, value)

    def step(self, cycles: int) -> int:
        """Let cycles pass while the accelerator is busy; return how many passed."""
        return int(self._library.dlk_sim_step(self._sim, cycles))

    def start(self, address: int, count: int) -> None:
        """Start the commands from a byte address on; the run goes on in ``step`` and ``finish``."""
        self.write32(Register.LIST, address)
        self.write32(Register.COUNT, count)
        self.write32(Register.CONTROL, START)

    def finish(self, limit: int) -> Run:
        """Let the run end and return its registers.

        Raises InternalError when it does not end within ``limit`` cycles.
        """
        self.step(limit)
        if self.read32(Register.STATUS) & BUSY:
            state = ", ".join(f"{register.name} {self.read32(register):#x}" for register in Register)
            raise InternalError("the accelerator does not end", expected=f"at most {limit} cycles", received=state)
        return Run(
            status=self.read32(Register.STATUS),
            error=self.read32(Register.ERROR),
            error_command=self.read32(Register.ERROR_COMMAND),
            cycles=self.read32(Register.CYCLES),
            steps=self.read32(Register.STEPS),
            stalls=self.read32(Register.STALLS),
            commands=self.read32(Register.COMMANDS),
            words_read=self.read32(Register.WORDS_READ),
            words_written=self.read32(Register.WORDS_WRITTEN),
        )

    def run(self, address: int, count: int, limit: int = 100_000_000) -> Run:
        """Run the commands from a byte address on to their end; return the registers."""
        self.start(address, count)
        return self.finish(limit)


def _load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    handle = ctypes.c_void_p
    library.dlk_sim_create_in.restype = handle
    library.dlk_sim_create_in.argtypes = [handle, ctypes.c_uint64, ctypes.POINTER(_Options)]
    library.dlk_sim_destroy.restype = None
    library.dlk_sim_destroy.argtypes = [handle]
    library.dlk_sim_read32.restype = ctypes.c_uint32
    library.dlk_sim_read32.argtypes = [handle, ctypes.c_uint32]
    library.dlk_sim_write32.restype = None
    library.dlk_sim_write32.argtypes = [handle, ctypes.c_uint32, ctypes.c_uint32]
    library.dlk_sim_step.restype = ctypes.c_uint64
    library.dlk_sim_step.argtypes = [handle, ctypes.c_uint64]
    library.dlk_sim_memory.restype = ctypes.c_void_p
    library.dlk_sim_memory.argtypes = [handle]
    return library
