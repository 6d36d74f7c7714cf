"""Folders that are made once for all processes that run tests side by side."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class MadeOnce:
    """Makes folders by name below one that all processes share. Tests leave them as they are."""

    root: Path

    @classmethod
    def beside(cls, own: Path) -> MadeOnce:
        """Return the one of a run of tests, given the folder of this process."""
        return cls(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)

    def folder(self, name: str, make: Callable[[Path], object]) -> Path:
        """Return the folder that ``make`` fills; whoever comes first makes it, the others wait."""
        folder, ready = self.root / name, self.root / f"{name}.ready"
        with (self.root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ready.exists():
                shutil.rmtree(folder, ignore_errors=True)  # left by a process that failed at it
                folder.mkdir()
                make(folder)
                ready.touch()
        return folder
