"""The folder of a dataset: whole or nothing, also where it is there already and nothing can be renamed over it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lmnet.datasets.new_folder import new_folder
from lmnet.errors import LmnetError

ROOT = Path(__file__).parents[3]


def fill(folder: Path) -> None:
    with new_folder(folder) as making:
        (making / "train").mkdir()
        for name in ("train/a.png", "train.txt", "val.txt"):
            (making / name).touch()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_absent_folder_appears_with_its_parents(tmp_path: Path) -> None:
    fill(tmp_path / "new" / "data")
    assert names(tmp_path / "new") == ["data"]
    assert names(tmp_path / "new" / "data") == ["train", "train.txt", "val.txt"]


def test_an_empty_folder_stays_the_one_that_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(mode=0o750)
    (tmp_path / "link").symlink_to("mine")
    before = (tmp_path / "mine").stat()
    fill(tmp_path / "link")
    after = (tmp_path / "mine").stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert names(tmp_path / "mine") == ["train", "train.txt", "val.txt"]
    assert (tmp_path / "link").is_symlink()


@pytest.mark.needs("unshare", "mount")
def test_a_mount_point_is_filled_though_nothing_beside_it_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "beside" / "data").mkdir(parents=True)
    (tmp_path / "mounted").mkdir()
    script = """
        mount --bind mounted beside/data && mount --bind beside beside && mount --bind mounted beside/data &&
        mount -o remount,bind,ro beside && ! touch beside/file 2>/dev/null &&
        exec "$0" -m blueoil dataset sample beside/data --train 2 --validation 1 --size 32x32
    """
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this kernel lets no user make mounts of its own")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*unshare, "sh", "-c", script, sys.executable],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert names(tmp_path / "mounted") == [
        "label_colors.txt", "train", "train.txt", "trainannot", "val", "val.txt", "valannot"
    ]  # fmt: skip
    assert names(tmp_path / "beside") == ["data"]


@pytest.mark.parametrize("there", [False, True])
def test_a_fault_leaves_nothing(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "data"
    if there:
        folder.mkdir()
    with pytest.raises(OSError, match="full"), new_folder(folder) as making:
        (making / "train.txt").touch()
        raise OSError("full")
    assert list(tmp_path.rglob("*")) == ([folder] if there else [])


def test_what_comes_meanwhile_is_kept_and_nothing_of_ours_beside_it(tmp_path: Path) -> None:
    with pytest.raises(OSError), new_folder(tmp_path) as making:
        for name in ("a", "train.txt"):
            (making / name).touch()
        (making / "train").mkdir()
        (tmp_path / "train").mkdir()
        (tmp_path / "train" / "theirs").touch()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["train", "train/theirs"]


def test_the_list_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    moved, replace = [], Path.replace

    def noted(path: Path, target: Path) -> Path:
        moved.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", noted)
    fill(tmp_path / "data")
    assert moved == ["train", "val.txt", "train.txt"]


def test_what_a_killed_process_left_is_no_hindrance(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "data"):
        (folder / f".data.{os.getpid()}.partial").mkdir(parents=True)
    (tmp_path / "data" / ".data.99999999.partial" / "train").mkdir(parents=True)
    fill(tmp_path / "data")
    assert [name for name in names(tmp_path / "data") if "." in name[:1]] == [".data.99999999.partial"]
    fill(tmp_path / "other")
    (tmp_path / "other" / ".hidden").touch()
    with pytest.raises(LmnetError, match="in use"):
        fill(tmp_path / "other")
