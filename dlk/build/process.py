"""Run one outside program: output kept in a log, a time limit, and no child left behind."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event

from dlk.errors import DlkError

SHOWN_LINES = 12
_GUARD = str(Path(__file__).with_name("guard.py"))
LOOK_EVERY = 0.2  # seconds until a cancelled program is stopped


def run_logged(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    timeout: float,
    what: str,
    fix: str,
    cancelled: Event | None = None,
) -> None:
    """Run ``command``, appending all of its output to ``log``.

    Raises DlkError ``what`` with the last lines, the log's path and ``fix`` when the program is missing, fails, or
    runs longer than ``timeout`` seconds, or when ``cancelled`` is set, by another thread; the whole process group has
    then been stopped.
    """
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        try:
            if shutil.which(command[0]) is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            process = subprocess.Popen(
                [sys.executable, "-I", _GUARD, *command],
                stdin=subprocess.PIPE,  # closes when this process ends, be it killed: then the guard stops the rest
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,  # its own group, so that compilers started by ninja can be stopped with it
            )
        except OSError as error:
            raise DlkError(what, where=command[0], received=error.strerror, fix=fix) from error
        try:
            status = _wait(process, timeout, cancelled)
        except subprocess.TimeoutExpired as error:
            _stop(process)
            raise DlkError(
                what,
                where=str(log),
                expected=f"an end within {timeout:.0f} s",
                received=f"still running; last lines:\n{last_lines(log)}",
                fix="stop other work on this machine, or ask for fewer jobs, and run it again",
            ) from error
        except BaseException:
            _stop(process)
            raise
        finally:
            assert process.stdin is not None  # noqa: S101 - a pipe was asked for
            process.stdin.close()
    if status is None:
        raise DlkError(what, where=str(log), received="it was stopped", fix="run it again")
    if status != 0:
        raise DlkError(
            what,
            where=str(log),
            received=f"exit status {status}; last lines:\n{last_lines(log)}",
            fix=fix,
        )


def last_lines(log: Path, count: int = SHOWN_LINES) -> str:
    """Return the last non-empty lines of a log, indented, reading no more than its last 64 KiB."""
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 65536))
        lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return "\n".join(f"    {line[:300]}" for line in lines[-count:])


def _wait(process: subprocess.Popen[bytes], timeout: float, cancelled: Event | None) -> int | None:
    """Return the exit status, or None when the process was stopped because of ``cancelled``."""
    if cancelled is None:
        return process.wait(timeout)
    end = time.monotonic() + timeout
    while not cancelled.is_set():
        try:
            return process.wait(min(LOOK_EVERY, max(end - time.monotonic(), 0)))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
    _stop(process)
    return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
