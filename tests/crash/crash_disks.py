"""Disks that are full, read-only or out of inodes: one clear error, and everything earlier is as it was."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crash_fork import Outcome, blueoil
from crash_kills import CONVERT, TRAIN
from crash_state import whole_checkpoints, whole_package

_MORE = ["train", "-e", "again", "-c", "config.yaml"]


@contextmanager
def small_disk(options: str) -> Iterator[Path]:
    """Give a folder on a file system of its own, with these options of tmpfs. Needs root."""
    with tempfile.TemporaryDirectory(prefix="blueoil-disk-") as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", name], check=True)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=True)


def fill(folder: Path, leave: int) -> None:
    """Fill a disk up to some bytes."""
    free = shutil.disk_usage(folder).free
    with (folder / "ballast").open("wb") as file:
        file.write(b"\0" * max(0, free - leave))


def use_inodes(folder: Path, leave: int) -> None:
    """Make files until only some more are possible."""
    (folder / "ballast").mkdir()
    for i in range(max(0, os.statvfs(folder).f_ffree - leave)):
        (folder / "ballast" / str(i)).touch()


def read_only(folder: Path, _: int) -> None:
    """Let nothing be written any more."""
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)


FAULTS: dict[str, tuple[Callable[[Path, int], None], dict[int, bool]]] = {
    "full disk": (fill, {20_000: True, 90_000: False}),
    "no inodes": (use_inodes, {3: True}),
    "read-only": (read_only, {0: True}),
}
"""Name of a fault: what brings it about, and the rooms that it leaves, each with whether nothing can end well there."""


def check(whole: Path, *, short: bool = False) -> dict[str, object]:
    """Bring about every fault before train and convert in copies of ``whole``, a folder with a trained experiment.

    Returns how many were tried, and in words each that was not answered by one clear error or that damaged a result.
    short: a full disk before train alone.
    """
    if os.geteuid() != 0:
        return {"tried": 0, "faults": [], "skipped": "file systems of their own need root"}
    faults: list[str] = []
    tried = 0
    for name, (bring_about, rooms) in FAULTS.items():
        for room, hopeless in list(rooms.items())[:1] if short else rooms.items():
            for words in (TRAIN, _MORE, CONVERT):
                if short and (name, words) != ("full disk", TRAIN):
                    continue
                tried += 1
                with small_disk("size=64m,nr_inodes=4000") as disk:
                    shutil.copytree(whole, disk, dirs_exist_ok=True)
                    if words is TRAIN:
                        _forget_the_end(disk)
                    before = _state(disk)
                    bring_about(disk, room)
                    outcome = blueoil(words, disk, log=whole / ".output")
                    fault = _fault(outcome, hopeless) or (
                        "" if _state(disk).items() >= before.items() else "a result is lost"
                    )
                if fault:
                    faults.append(f"{name}, room {room}, {words[0]}: {fault}")
    return {"tried": tried, "faults": faults}


def _fault(outcome: Outcome, hopeless: bool) -> str:
    """Say what is wrong with the answer; where there may be room enough, an end without an error is none."""
    lines = [line for line in outcome.output.splitlines() if line.startswith("Error: ")]
    if outcome.code == 0:
        return "it says that it ended well, where nothing can be written" if hopeless else ""
    if outcome.code != 1 or len(lines) != 1 or "Traceback" in outcome.output:
        return f"exit code {outcome.code}, {outcome.output[-600:]!r}"
    words = [os.strerror(number) for number in (errno.ENOSPC, errno.EROFS)]
    return "" if any(word in outcome.output for word in words) else f"the reason is not told: {outcome.output[-600:]!r}"


def _state(disk: Path) -> dict[str, object]:
    """Return what must stay: the checkpoints, whole, and the package, whole."""
    experiment = disk / "saved" / "run"
    packages = {str(folder): whole_package(folder) for folder in sorted(experiment.glob("export/*/*"))}
    return {"package": packages, **{f"checkpoint {step}": True for step in whole_checkpoints(experiment)}}


def _forget_the_end(disk: Path) -> None:
    """Take the last checkpoint away, so that there is something left to train."""
    experiment = disk / "saved" / "run"
    first, *_, last = sorted(whole_checkpoints(experiment).items())
    shutil.rmtree(last[1])
    (experiment / "best").write_text(f"{first[1].name}\n", encoding="utf-8")


def second_training_is_refused(folder: Path) -> bool:
    """Say whether a training run is refused while another one of that name holds the folder."""
    from blueoil.experiment import Experiment

    with Experiment(folder / "saved", "run").lock():
        outcome = blueoil(TRAIN, folder)
    return outcome.code == 1 and "another process" in outcome.output
