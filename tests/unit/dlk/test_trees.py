"""Folders are copied whole, and a full disk is told as what it is."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from dlk.trees import copy_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for name in ("a.h", "b/c.cpp", "b/__pycache__/d.pyc", "e.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "a.h").chmod(0o755)
    return folder


def test_all_but_what_is_left_out_is_copied(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "a.h").write_text("older")
    copy_tree(tree, tmp_path / "copy", leave_out=("__pycache__", "*.pyc"))
    found = {path.relative_to(tmp_path / "copy").as_posix(): path for path in (tmp_path / "copy").rglob("*.*")}
    assert {name: path.read_text() for name, path in found.items()} == {"a.h": "a.h", "b/c.cpp": "b/c.cpp"}
    assert found["a.h"].stat().st_mode & 0o777 == 0o755


def test_a_full_disk_ends_it_at_once_by_its_number(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def full(source: Path, target: Path) -> None:
        tried.append(source.name)
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(OSError, match="No space left") as caught:
        copy_tree(tree, tmp_path / "copy")
    assert (caught.value.errno, tried) == (errno.ENOSPC, ["a.h"])
