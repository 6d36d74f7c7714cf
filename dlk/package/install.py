"""Put the results of a conversion into their place: all of them or none, whenever the process is killed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

READY = ".ready"  # in the work folder: everything in it is whole and proved


def install(work: Path, export: Path, names: Sequence[str], *, without: Sequence[str] = ()) -> None:
    """Replace each of ``names`` in ``export`` by that of ``work``, and remove ``work``.

    without: those of them that ``work`` lacks and that go from ``export``; others that it lacks stay there.
    Killed before its first step, nothing has happened; killed later, ``recover`` goes on where it stopped.
    """
    written = work / f"{READY}.unfinished"
    written.write_text("\n".join(without), encoding="utf-8")
    written.rename(work / READY)
    recover(work, export, names)


def recover(work: Path, export: Path, names: Sequence[str]) -> None:
    """Finish an ``install`` that was killed; without one, do nothing."""
    if not (work / READY).exists():
        return
    for name in (work / READY).read_text(encoding="utf-8").splitlines():
        _remove(export / name)
    for name in names:
        new, path = work / name, export / name
        old = path.with_name(f".{name}.old")
        if new.exists():
            if path.exists():
                _remove(old)
                path.rename(old)  # in one step: a reader finds the whole old one or none
            new.rename(path)
        _remove(old)
    shutil.rmtree(work)


def discard(work: Path) -> None:
    """Remove what a conversion left, out of the way first: a compiler that is just being stopped may still write."""
    if work.exists():
        work.rename(work.with_name(f".{work.name}.{os.getpid()}"))
    for left in work.parent.glob(f".{work.name}.*"):
        shutil.rmtree(left, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
