"""A board with the original project's accelerator, without hardware: files, and a thread that plays it on them."""

from __future__ import annotations

import mmap
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from tca_model import Registers, execute

from dlk.lowering.tca import PLACES
from dlk.lowering.tca_registers import REGISTERS

BRIDGE = 0xFF200000
SYNC = ("sync_offset", "sync_size", "sync_for_cpu", "sync_for_device")
ENDED = 127
MODULES = {"udmabuf0": 0x1A000000, "udmabuf1": 0x1C000000}
IOMEM = """00000000-{last:08x} : System RAM
  00008000-00afffff : Kernel code
ff200000-ff2fffff : soc:bridge
"""


class TcaBoard:
    """Lays out the files; in a ``with`` block it executes what is started, and notes all registers each time."""

    def __init__(self, root: Path, *, modules: bool, ram: int = 0x20000000, size: int = 1 << 22) -> None:
        """modules: there are buffers of u-dma-buf. ram: bytes that are the kernel's."""
        self.root = root
        self.runs: list[Registers] = []
        self.idle = False
        self._write(root / "proc/iomem", IOMEM.format(last=ram - 1))
        self._write(root / "sys/class/fpga_manager/fpga0/state", "operating\n")
        (root / "dev").mkdir()
        with (root / "dev/mem").open("wb") as file:
            file.truncate(BRIDGE + 4096)
        self._regions = [(0, BRIDGE, root / "dev/mem")]
        for name, address in MODULES.items() if modules else ():
            for attribute, value in (("phys_addr", f"{address:#x}"), ("size", str(size)), *((s, "") for s in SYNC)):
                self._write(root / "sys/class/udmabuf" / name / attribute, f"{value}\n")
            with (root / "dev" / name).open("wb") as file:
                file.truncate(size)
            self._regions.insert(0, (address, address + size, root / "dev" / name))
        with (root / "dev/mem").open("r+b") as file:
            self.registers = np.frombuffer(mmap.mmap(file.fileno(), 4096, offset=BRIDGE), np.uint32)
        self._end = threading.Event()

    def __enter__(self) -> Self:
        self._files = [(first, last, os.open(path, os.O_RDWR)) for first, last, path in self._regions]
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()
        for _, _, file in self._files:
            os.close(file)

    def end(self) -> None:
        """Tell the end of a run."""
        self.registers[REGISTERS.index("status")] = ENDED

    def place(self, name: str, count: int) -> np.ndarray:
        """Return words of a fixed place."""
        (address,) = (place.address for place in PLACES if place.name == name)
        return self._read(address, count)

    def _work(self) -> None:
        while not self._end.is_set():
            if self.registers[0] == 1 and not self.idle:
                found = dict(zip(REGISTERS, self.registers.tolist(), strict=False))
                execute(found, self._read, self._store)
                self.runs.append(found)
                self.registers[0] = 0
                self.end()
            time.sleep(0.0005)

    def _read(self, address: int, count: int) -> np.ndarray:
        file, offset = self._find(address)
        return np.frombuffer(os.pread(file, 8 * count, offset), np.uint64)

    def _store(self, address: int, words: np.ndarray) -> None:
        file, offset = self._find(address)
        os.pwrite(file, words.tobytes(), offset)

    def _find(self, address: int) -> tuple[int, int]:
        for first, last, file in self._files:
            if first <= address < last:
                return file, address - first
        raise AssertionError(f"no memory at {address:#x}")

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
