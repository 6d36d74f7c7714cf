"""A board without hardware: the folders dev and sys as files, and a thread that plays the accelerator on them."""

from __future__ import annotations

import mmap
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from dlk.hw import golden
from dlk.hw.layout import BYTES

BRIDGE = 0xFF200000
ADDRESS = 0x38000000
"""Physical, of the shared memory."""
CONTROL, STATUS, LIST, COUNT = 4, 5, 6, 7
FACTS = (0x314B4C44, 1, 0x10202004, 0x01002000)
SYNC = ("sync_offset", "sync_size", "sync_for_cpu", "sync_for_device")


class Board:
    """Lays out the files; in a ``with`` block it runs what is started by the registers, in the numpy model."""

    def __init__(
        self, root: Path, *, kind: str | None = "u-dma-buf", name: str = "udmabuf0", size: int = 1 << 20,
        address: int = ADDRESS, facts: tuple[int, ...] = FACTS, state: str = "operating",
    ) -> None:  # fmt: skip
        """kind: of the class of the module u-dma-buf; None lets the memory be a part of dev/mem."""
        self.root, self.size, self.address = root, size, address
        (root / "dev").mkdir(parents=True)
        self._write(root / "sys/class/fpga_manager/fpga0/state", f"{state}\n")
        self.physical = root / "dev" / "mem"
        with self.physical.open("wb") as file:
            file.truncate(BRIDGE + 4096)
        self.memory_file, self.memory_offset = self.physical, address
        if kind is not None:
            self.folder = root / "sys" / "class" / kind / name
            self._write(self.folder / "phys_addr", f"0x{address:08x}\n")
            self._write(self.folder / "size", f"{size}\n")
            for attribute in SYNC:
                self._write(self.folder / attribute, "")
            self.memory_file, self.memory_offset = root / "dev" / name, 0
            with self.memory_file.open("wb") as file:
                file.truncate(size)
        with self.physical.open("r+b") as file:
            self.registers = np.frombuffer(mmap.mmap(file.fileno(), 4096, offset=BRIDGE), np.uint32)
        self.registers[: len(facts)] = facts
        self._end = threading.Event()
        self.runs = 0

    def __enter__(self) -> Self:
        with self.memory_file.open("r+b") as file:
            words = np.frombuffer(mmap.mmap(file.fileno(), self.size, offset=self.memory_offset), np.uint64)
        self._memory = Physical(words, self.address)
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def ready(self) -> None:
        """Let the next run begin: files know nothing of what reading and writing mean."""
        self.registers[STATUS] = 0

    def _work(self) -> None:
        while not self._end.is_set():
            if self.registers[CONTROL] == 1:
                golden.run(self._memory, int(self.registers[LIST]), int(self.registers[COUNT]))
                self.runs += 1
                self.registers[CONTROL] = 0
                self.registers[STATUS] = 2
            time.sleep(0.001)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class Physical(golden.Memory):
    """The shared memory by its physical addresses."""

    __slots__ = ("first",)

    def __init__(self, words: np.ndarray, first: int) -> None:
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "first", first)

    def read(self, address: int, count: int) -> np.ndarray:
        place = address - self.first
        assert 0 <= place <= self.words.nbytes - BYTES * count, "outside of the shared memory"
        return golden.Memory(self.words).read(place, count)

    def write(self, address: int, words: np.ndarray) -> None:
        golden.Memory(self.words).write(address - self.first, words)
