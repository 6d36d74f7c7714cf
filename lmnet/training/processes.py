"""Several processes that train one network, on one machine or on many: how they meet, and what they tell each other.

This is JAX's part; with another backend there is one process. Whatever one process asks here every process must ask, in
the same order: the answer comes when all have asked.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import os
import re
import socket
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from lmnet.errors import LmnetError

PATIENCE = 280.0
"""Seconds for which a process waits for the first one; a little less than JAX waits for all."""

_LOST = re.compile("gloo|nccl|coordination|barrier|DEADLINE_EXCEEDED|UNAVAILABLE|ABORTED", re.IGNORECASE)
"""What JAX, which has no class for it, says when a process does not answer."""


@contextmanager
def joined(coordinator: str, process: int, processes: int) -> Iterator[None]:
    """Meet the other processes, before anything is computed, and part from them at the end.

    Args:
        coordinator: ``host:port`` of process 0, which every process can reach.
        process: number of this one, 0..processes-1.
        processes: how many there are.

    Raises:
        LmnetError: Keras has another backend than JAX, or the processes did not meet, or lost each other.
    """
    if (backend := keras.backend.backend()) != "jax":
        raise LmnetError(
            f"Keras on {backend} cannot train with several processes.",
            where="KERAS_BACKEND",
            expected="jax",
            received=backend,
            fix="set KERAS_BACKEND=jax for every process",
        )
    if process:
        wait_for(coordinator)
    try:
        keras.distribution.initialize(coordinator, processes, process)
        yield
    except BaseException as error:
        # The interpreter's end would wait for the others, who wait for this process: it leaves without farewell, and
        # the broken connection ends them too.
        code = 130 if isinstance(error, KeyboardInterrupt) else getattr(error, "exit_code", 2)
        lost = isinstance(error, RuntimeError | ValueError) and _LOST.search(str(error))
        atexit.register(_leave, 1 if lost else code)
        if lost:
            raise LmnetError(
                f"The {processes} processes did not meet, or lost each other.",
                where=f"process {process}, coordinator {coordinator}",
                received=str(error).splitlines()[0],
                fix="see what the others say, and start all again: the run goes on where it was saved",
            ) from error
        raise


def wait_for(coordinator: str) -> None:
    """Wait until process 0 listens: JAX would wait as long and then end this process by a signal.

    Raises:
        LmnetError: it did not within ``PATIENCE`` seconds.
    """
    host, _, port = coordinator.rpartition(":")
    end = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() >= end:
                raise LmnetError(
                    f"Process 0 does not listen at {coordinator}.",
                    received=str(error),
                    fix="start process 0 too; give every process its address and a port that no firewall closes",
                ) from None
        time.sleep(1)


def gather(values: NDArray) -> NDArray:
    """Return the arrays of all processes, stacked, bit for bit; each process gives one of the same shape and dtype."""
    from jax.experimental import multihost_utils

    # As bytes: of int64 and float64 JAX by itself would make int32 and float32.
    plain = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    everyone = np.ascontiguousarray(multihost_utils.process_allgather(plain))
    return everyone.view(values.dtype).reshape(len(everyone), *np.shape(values))


def copy_from_first(folder: Path | None, into: Path) -> Path | None:
    """Return a folder of process 0, None where that has none; the others get a copy of its files below ``into``."""
    import jax
    from jax.experimental import multihost_utils

    first = jax.process_index() == 0
    data = np.frombuffer(_packed(folder) if first and folder is not None else b"", np.uint8)
    size = int(gather(np.array(data.size))[0])
    if not size:
        return None
    data = multihost_utils.broadcast_one_to_all(data if first else np.zeros(size, np.uint8))
    return folder if first else _unpacked(np.asarray(data).tobytes(), into)


def _packed(folder: Path) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.add(folder, arcname=folder.name)
    return file.getvalue()


def _unpacked(data: bytes, into: Path) -> Path:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(into, filter="data")
        return into / archive.getnames()[0]


@contextmanager
def together() -> Iterator[None]:
    """Do something in every process, or go on in none.

    Raises:
        LmnetError: it failed in this process or in another one.
    """
    own: LmnetError | None = None
    try:
        yield
    except LmnetError as error:
        own = error
    failed = gather(np.array(own is not None))
    if own is not None:
        raise own
    if failed.any():
        raise LmnetError(f"Process {int(failed.argmax())} of the run failed.", fix="see what it says")


def check_same(what: str, facts: bytes) -> None:
    """Raise LmnetError, in every process, where not all processes have the same of something."""
    digests = gather(np.frombuffer(hashlib.sha256(facts).digest(), np.uint8))
    others = (digests != digests[0]).any(axis=1)
    if others.any():
        raise LmnetError(
            f"Process {int(others.argmax())} has another {what} than process 0.",
            expected=f"the same {what} on every machine",
            fix=f"copy the {what} of the first machine to the others, and give each process the same command",
        )


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
