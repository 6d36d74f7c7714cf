"""A library that is asked for the facts and the times of its steps."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

from dlk.build.elf import read_elf
from dlk.codegen.facts import StepFacts
from dlk.errors import DlkError
from dlk.verify.available import this_machine
from dlk.verify.executors import LibraryExecutor

_INTERFACE = "dlk_run"
_PROFILING = (
    "dlk_step_count", "dlk_step_info", "dlk_set_timing", "dlk_step_seconds", "dlk_step_cpu_seconds",
    "dlk_measure_roofline", "dlk_set_threads", "dlk_threads",
)  # fmt: skip


class _CFacts(ctypes.Structure):
    """dlk_step_facts of dlk.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("kind", ctypes.c_char_p),
        ("input_bits", ctypes.c_int32),
        ("output_bits", ctypes.c_int32),
        ("weight_bits", ctypes.c_int32),
        ("macs", ctypes.c_int64),
        ("bit_adds", ctypes.c_int64),
        ("bytes_read", ctypes.c_int64),
        ("bytes_written", ctypes.c_int64),
    )


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The most that the machine does in a second, as dlk_measure_roofline found it."""

    bit_adds: float
    macs: float
    bytes: float

    def times(self, threads: int) -> Ceilings:
        """Return what so many threads do at best: each as much as one alone."""
        return Ceilings(self.bit_adds * threads, self.macs * threads, self.bytes * threads)


class ProfiledLibrary(LibraryExecutor):
    """A library in this process, with the part of its interface that measures."""

    def __init__(self, library: Path, *, name: str, isa: str | None = None, threads: int = 1) -> None:
        """Load and initialise; ``isa`` forces an instruction set. Raises DlkError, IsaMissingError."""
        _check(library)
        super().__init__(library, name=name, isa=isa, threads=threads)
        self._library.dlk_model_name.restype = ctypes.c_char_p
        self.model: str = self._library.dlk_model_name().decode("utf-8", "replace")
        self.threads: int = self._library.dlk_threads(self._network)

    @property
    def facts(self) -> tuple[StepFacts, ...]:
        """Return the facts of every step, in the order of execution."""
        found = []
        for index in range(self._library.dlk_step_count()):
            facts = _CFacts()
            self._library.dlk_step_info(index, ctypes.byref(facts))
            values = {name: getattr(facts, name) for name, _ in _CFacts._fields_}
            words = {name: values[name].decode("utf-8", "replace") for name in ("name", "kind")}
            found.append(StepFacts(**{**values, **words}))
        return tuple(found)

    def set_timing(self, on: bool) -> None:
        """Switch the timing of the steps in later runs. Raises DlkError without memory."""
        if self._library.dlk_set_timing(ctypes.c_void_p(self._network), ctypes.c_bool(on)):
            raise DlkError("the library cannot time its steps", where=self.name, received=self._error())

    def seconds(self, *, cpu: bool) -> tuple[float, ...]:
        """Return the time of every step in the last timed run, CPU time of the calling thread or wall time.

        Raises DlkError when there was none.
        """
        ask = self._library.dlk_step_cpu_seconds if cpu else self._library.dlk_step_seconds
        found = (ctypes.c_double * self._library.dlk_step_count())()
        if ask(ctypes.c_void_p(self._network), found):
            raise DlkError("no run was timed", where=self.name)
        return tuple(found)

    def measure_ceilings(self) -> Ceilings:
        """Measure what one thread of this machine can do; takes some tenths of a second. Raises DlkError."""
        values = [ctypes.c_double() for _ in range(3)]
        if self._library.dlk_measure_roofline(ctypes.c_void_p(self._network), *map(ctypes.byref, values)):
            raise DlkError("the library cannot measure this machine", where=self.name, received=self._error())
        return Ceilings(*(value.value for value in values))


def _check(library: Path) -> None:
    """Raise DlkError, with the one thing that is wrong, for a file that can't be profiled on this machine."""
    if not library.is_file():
        raise DlkError("there is no such library", where=str(library), fix="blueoil convert -e EXPERIMENT makes one")
    elf = read_elf(library)
    defined = {symbol.name for symbol in elf.symbols if symbol.defined}
    if _INTERFACE not in defined:
        raise DlkError(
            "this is no library of a converted network", where=str(library), expected="libdlk_*.so of a package"
        )
    if elf.machine != this_machine():
        raise DlkError(
            "the library is for another machine",
            where=str(library),
            expected=f"a library for {this_machine()}, which this machine is",
            received=f"one for {elf.machine}",
            fix="profile it on the device, or take the package's library for this machine",
        )
    missing = [name for name in _PROFILING if name not in defined]
    if missing:
        raise DlkError(
            "the library is too old to be profiled",
            where=str(library),
            received=f"no {', no '.join(missing)}",
            fix="convert the checkpoint again: blueoil convert -e EXPERIMENT",
        )
