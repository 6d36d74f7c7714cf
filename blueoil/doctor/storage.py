"""Folders that Blueoil writes: whether it may, and how much room there is."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from blueoil.console import size
from blueoil.doctor.check import Finding, Probe, State
from dlk.errors import DlkError

LEAST_FREE = 2 << 30
"""Bytes: an experiment of the larger network takes half a GiB, the compiler's cache as much."""


def outputs(folder: Path) -> Probe:
    """Return the probe of a folder that may not be there yet: then the one counts in which it will be made."""

    def probe() -> Finding:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        return _judge(there, folder)

    return probe


def cache() -> Finding:
    """Find the folder of the compiler's cache, and make it."""
    from dlk.build.toolchain import cache_folder

    try:
        folder = cache_folder()
    except DlkError as error:
        return Finding(State.UNUSABLE, f"{error.what}: {error.received}")
    return _judge(folder, folder)


def _judge(there: Path, folder: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding(State.UNUSABLE, f"{folder} cannot be written: {error.strerror}")
    words = f"{folder}, {size(free)} free (>={size(LEAST_FREE)})"
    return Finding(State.OK if free >= LEAST_FREE else State.UNUSABLE, words)
