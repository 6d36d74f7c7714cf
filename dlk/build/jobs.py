"""One number of jobs for several builds at once, in the protocol of GNU make's job server, which Ninja speaks."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from dlk.errors import DlkError

_TOKEN = b"+"


def default_jobs() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


class JobPool:
    """``count`` tokens in a named pipe. A build holds one for its own first job; Ninja takes and returns more.

    A Ninja older than 1.13 doesn't ask for tokens and takes as many jobs as it does by itself.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count or default_jobs()
        self.cancelled = threading.Event()

    def __enter__(self) -> Self:
        self._folder = tempfile.mkdtemp(prefix="dlk-jobs-")
        fifo = Path(self._folder) / "tokens"
        os.mkfifo(fifo, mode=0o600)
        self._pipe = os.open(fifo, os.O_RDWR)
        os.write(self._pipe, _TOKEN * self.count)
        self.variables: Mapping[str, str] = {"MAKEFLAGS": f" -j{self.count} --jobserver-auth=fifo:{fifo}"}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._pipe)
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def job(self) -> Iterator[None]:
        """Wait for a token and hold it for the block. Raises DlkError when the pool was cancelled meanwhile."""
        os.read(self._pipe, len(_TOKEN))
        try:
            self.check()
            yield
        finally:
            os.write(self._pipe, _TOKEN)

    def cancel(self) -> None:
        """Stop the programs that run in the pool's builds, and let no further one start."""
        self.cancelled.set()

    def check(self) -> None:
        """Raise DlkError when the pool was cancelled."""
        if self.cancelled.is_set():
            raise DlkError("the build was stopped", fix="run it again")
