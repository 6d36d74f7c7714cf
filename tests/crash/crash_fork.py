"""Commands in children of a process that has TensorFlow imported, killed at a moment of choice.

Importing takes seconds, a fork takes none. The parent never runs TensorFlow, which would not survive the fork.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ACTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "shutil.rmtree", "shutil.copyfile")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True, slots=True)
class Kill:
    """A moment: ``seconds`` after the start, or after the file operation of number ``operation`` was begun."""

    seconds: float
    operation: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: exit code, None when it was killed.
        output: what it wrote.
        seconds: how long it ran.
        operations: file operations below its folder that it began, of a command that was not killed.
    """

    code: int | None
    output: str
    seconds: float
    operations: int


def warm() -> None:
    """Import what the children need, as the command line would."""
    os.environ.update(OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    from blueoil import tensorflow_start

    tensorflow_start.start(opens=False)
    import tiny_network

    import lmnet.export
    import lmnet.training.trainer  # noqa: F401
    from lmnet import networks

    networks.ARCHITECTURES["LmSegnetV1"] = networks.Architecture(tiny_network.tiny, size_multiple=2)


def blueoil(words: Sequence[str], folder: Path, kill: Kill | None = None, *, log: Path | None = None) -> Outcome:
    """Run ``blueoil WORDS`` in a folder; kill it, and nothing that it started, at the moment of choice.

    log: file for what it writes, in the folder unless given.
    """
    log = log or folder / ".output"
    began = time.monotonic()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_blueoil(words, folder, log, writing, kill)
    os.close(writing)
    killed = kill is not None and _kill(child, reading, kill)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode()
    output = log.read_text(encoding="utf-8", errors="replace")
    code = None if killed and os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)
    return Outcome(code, output, time.monotonic() - began, int(told.rpartition("=")[2] or 0) if "=" in told else 0)


def _kill(child: int, reading: int, kill: Kill) -> bool:
    """Wait for the moment; return whether the child was still there."""
    deadline = None if kill.operation is not None else kill.seconds
    ready, _, _ = select.select([reading], [], [], deadline)
    if kill.operation is not None:
        if os.read(reading, 1) != b"!":  # it ended before the operation
            return False
        time.sleep(kill.seconds)
    elif ready:
        return False
    os.kill(child, signal.SIGKILL)
    return True


def _be_blueoil(words: Sequence[str], folder: Path, log: Path, writing: int, kill: Kill | None) -> None:
    """Be the command; never returns."""
    code = 2
    count = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if not _writes(event, arguments, folder):
            return
        count += 1
        if kill is not None and count == kill.operation:
            os.write(writing, b"!")
            time.sleep(0 if kill.seconds else 60)  # at 0 the parent kills it here, before the operation

    try:
        os.chdir(folder)
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(file, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        from blueoil import cli

        sys.argv = ["blueoil", *words]
        sys.addaudithook(watch)
        code = cli.run(list(words))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(writing, f"={count}".encode())
        os._exit(code)


def _writes(event: str, arguments: tuple[Any, ...], folder: Path) -> bool:
    """Say whether an audit event is about to change something below the folder."""
    if event == "open":
        path, _, flags = arguments
        changing = isinstance(flags, int) and bool(flags & _WRITES)
    else:
        path, changing = arguments[0] if arguments else None, event in _ACTS
    if not changing or not isinstance(path, (str, bytes, os.PathLike)):
        return False
    text = os.fsdecode(path)
    return not text.startswith("/") or text.startswith(str(folder))
