"""Installing the results of a conversion: killed at any step, the folder ends all old or all new."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlk.package.install import READY, install, recover

NAMES = ("project", "verification.json", "output")


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the process runs after it."""


def write(folder: Path, content: str) -> None:
    for name in NAMES:
        if "." in name:
            (folder / name).write_text(content)
        else:
            (folder / name).mkdir(parents=True)
            (folder / name / "file").write_text(content)


def contents(folder: Path) -> list[str]:
    return [(folder / name if "." in name else folder / name / "file").read_text() for name in NAMES]


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let the process die at its step-th change of the file system."""
    count = [0]

    def counting(function):  # type: ignore[no-untyped-def]
        def wrapped(*arguments, **options):  # type: ignore[no-untyped-def]
            count[0] += 1
            if count[0] == step:
                raise Killed
            return function(*arguments, **options)

        return wrapped

    for name in ("rename", "touch", "unlink"):
        monkeypatch.setattr(Path, name, counting(getattr(Path, name)))
    monkeypatch.setattr("dlk.package.install.shutil.rmtree", counting(__import__("shutil").rmtree))


@pytest.mark.parametrize("had_old", [True, False])
@pytest.mark.parametrize("step", range(1, 18))
def test_killed_anywhere_it_is_all_or_nothing(tmp_path: Path, step: int, had_old: bool) -> None:
    work = tmp_path / "unfinished"
    work.mkdir()
    write(work, "new")
    if had_old:
        write(tmp_path, "old")
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, step)
        try:
            install(work, tmp_path, NAMES)
        except Killed:
            assert step <= 14
    started = step > 1
    recover(work, tmp_path, NAMES)
    if started:
        assert contents(tmp_path) == ["new"] * 3
        assert {path.name for path in tmp_path.iterdir()} == set(NAMES)
    else:
        assert contents(work) == ["new"] * 3
        assert not had_old or contents(tmp_path) == ["old"] * 3


@pytest.mark.parametrize("step", range(1, 18))
def test_killed_anywhere_what_is_to_go_goes_with_the_old(tmp_path: Path, step: int) -> None:
    work = tmp_path / "unfinished"
    work.mkdir()
    write(work, "new")
    write(tmp_path, "old")
    (tmp_path / "page").write_text("old")
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, step)
        try:
            install(work, tmp_path, (*NAMES, "page"), without=("page",))
        except Killed:
            assert step <= 16
    recover(work, tmp_path, (*NAMES, "page"))
    assert contents(tmp_path) == ["old" if step == 1 else "new"] * 3
    assert (tmp_path / "page").exists() == (step == 1)


def test_without_a_started_installation_nothing_happens(tmp_path: Path) -> None:
    work = tmp_path / "unfinished"
    work.mkdir()
    write(work, "half")
    write(tmp_path, "old")
    recover(work, tmp_path, NAMES)
    assert contents(tmp_path) == ["old"] * 3 and not (work / READY).exists()
    recover(tmp_path / "none", tmp_path, NAMES)
