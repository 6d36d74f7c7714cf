"""The simulated accelerator for programs on an emulated machine: it runs here, and they reach it through a socket.

An emulator would take some tens of times as long for the simulation, and that of the accelerator's RTL is the same
wherever it runs. remote/client.cpp is the other side.
"""

from __future__ import annotations

import contextlib
import mmap
import socket
import struct
import tempfile
import threading
from pathlib import Path
from types import TracebackType

import numpy as np

from dlk.hw.layout import BYTES
from dlk.hw.sim.model import Simulator

REQUEST, ANSWER = struct.Struct("<IIQ"), struct.Struct("<Q")
CREATE, READ, WRITE, STEP = range(4)


class Server:
    """Serves ``with Server(library) as server``, one program after the other, each with an accelerator of its own.

    library: what dlk.hw.sim.build.build returned.
    """

    def __init__(self, library: Path) -> None:
        self._library = library
        self._folder = tempfile.TemporaryDirectory(prefix="dlk-sim-")
        self.address = Path(self._folder.name) / "socket"
        """What DLK_FPGA_SIM_SERVER must be."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Server:
        """Listen."""
        self._listener.bind(str(self.address))
        self._listener.listen()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, when the last program has gone."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self._folder.cleanup()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(ConnectionError):  # a program that ended early
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        request = _receive(connection)
        if request is None or request[0] != CREATE:
            return
        size = -(-request[2] // BYTES) * BYTES
        path = self.address.with_name(self.address.name + ".memory")
        with path.open("w+b") as file:
            file.truncate(size)
            words = np.frombuffer(mmap.mmap(file.fileno(), size), np.uint64)
        with Simulator(self._library, size, memory=words) as sim:
            connection.sendall(ANSWER.pack(1))
            while request := _receive(connection):
                connection.sendall(ANSWER.pack(_call(sim, *request)))


def _receive(connection: socket.socket) -> tuple[int, int, int] | None:
    """Return call, offset and value, or None at the end of the program."""
    data = connection.recv(REQUEST.size, socket.MSG_WAITALL)
    return REQUEST.unpack(data) if len(data) == REQUEST.size else None


def _call(sim: Simulator, call: int, offset: int, value: int) -> int:
    if call == READ:
        return sim.read32(offset)
    if call == STEP:
        return sim.step(value)
    sim.write32(offset, value)
    return 0
