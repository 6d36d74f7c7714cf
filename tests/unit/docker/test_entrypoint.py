"""The image's entry point below real mounts, in a mount namespace of its own: who runs the command, who owns what."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCKER = Path(__file__).parents[3] / "docker"
OWNER, GROUP, OTHER = 4321, 4322, 5000
# What the mounts cover is bound to /mnt and /media first, since a checkout may lie below /home.
NAMESPACE = """
set -eu
mount --bind "$1" /mnt
mount --bind "$2" /media
mount -t tmpfs none /home
mkdir -m 1777 /home/blueoil
for folder in /media/*; do
    [ -e "$folder" ] || continue
    place=/home/blueoil/${folder##*/}
    mkdir "$place"
    mount --bind "$folder" "$place"
    case $place in *.ro) mount -o remount,bind,ro "$place" ;; esac
done
cd /home/blueoil
shift 2
exec "$@"
"""
WHO = "id -u; id -g; id -G"

pytestmark = [
    pytest.mark.needs("unshare", "setpriv"),
    pytest.mark.skipif(os.geteuid() != 0, reason="not root: makes mounts of its own"),
]


@dataclass(frozen=True, slots=True)
class Container:
    """Runs the entry point with the folders of ``mounts`` mounted below /home/blueoil."""

    mounts: Path

    def folder(self, name: str, uid: int, *files: str, gid: int = GROUP) -> Path:
        path = self.mounts / name
        path.mkdir()
        for file in files:
            (path / file).touch()
            os.chown(path / file, uid, gid)
        os.chown(path, uid, gid)
        return path

    def run(self, *command: str, user: int | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        mounted = ["unshare", "--mount", "sh", "-c", NAMESPACE, "sh", DOCKER, self.mounts]
        return subprocess.run(
            [*mounted, *as_user, "/mnt/entrypoint", *command],
            env={"PATH": os.environ["PATH"], **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def who(self, **variables: str) -> list[str]:
        done = self.run("sh", "-c", WHO, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.fixture
def container(tmp_path: Path) -> Container:
    tmp_path.chmod(0o755)
    (tmp_path / "mounts").mkdir()
    return Container(tmp_path / "mounts")


def owner(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid


def test_a_folder_that_the_engine_made_goes_to_the_owner_of_the_other(container: Container) -> None:
    container.folder("CamVid", OWNER, "train.txt")
    config = container.folder("config", 0, gid=0)
    done = container.run("sh", "-c", f"echo text > config/camvid.py; {WHO}")
    assert done.stdout.split() == [str(OWNER), str(GROUP), str(GROUP)]
    assert owner(config) == owner(config / "camvid.py") == (OWNER, GROUP)
    assert done.stderr == ""


def test_the_folder_that_is_written_to_counts_before_the_datasets(container: Container) -> None:
    container.folder("CamVid", OTHER, "train.txt")
    container.folder("saved", OWNER)
    assert container.who()[0] == str(OWNER)
    container.folder("runs", OTHER + 1)
    assert container.who(OUTPUT_DIR="/home/blueoil/runs")[0] == str(OTHER + 1)


def test_what_a_root_user_mounts_stays_roots(container: Container) -> None:
    container.folder("CamVid", 0, "train.txt", gid=0)
    saved = container.folder("saved", 0, gid=0)
    assert container.who()[0] == "0"
    assert owner(saved) == (0, 0)


def test_mounts_that_tell_nothing_are_taken_for_the_first_users(container: Container) -> None:
    assert container.who() == ["1000", "1000", "1000"]
    config = container.folder("config", 0, gid=0)
    assert container.who()[0] == "1000"
    assert owner(config) == (1000, 1000)


def test_a_folder_with_files_of_root_is_left_and_told(container: Container) -> None:
    container.folder("config", OWNER)
    saved = container.folder("saved", 0, "old", gid=0)
    done = container.run("id", "-u")
    assert done.stdout == f"{OWNER}\n"
    assert owner(saved) == (0, 0)
    assert f"saved belongs to 0:0, and user {OWNER} cannot write there" in done.stderr


def test_read_only_mounts_tell_nothing_and_stay_what_they_are(container: Container) -> None:
    data = container.folder("data.ro", OTHER, "train.txt")
    empty = container.folder("empty.ro", 0, gid=0)
    done = container.run("sh", "-c", f"{WHO}; cat data.ro/train.txt; touch data.ro/new || echo refused")
    assert done.stdout.split() == ["1000", "1000", "1000", "refused"]
    container.folder("config", OWNER)
    assert container.who()[0] == str(OWNER)
    assert (owner(data), owner(empty)) == ((OTHER, GROUP), (0, 0))


def test_names_with_spaces(container: Container) -> None:
    container.folder("my data", OWNER, "train.txt")
    saved = container.folder("my  saved runs", 0, gid=0)
    container.folder("other", OTHER)
    done = container.run(
        "sh", "-c", 'id -u; echo text > "$OUTPUT_DIR/a file"', OUTPUT_DIR="/home/blueoil/my  saved runs"
    )
    assert (done.stdout, done.stderr) == (f"{OWNER}\n", "")
    assert owner(saved) == owner(saved / "a file") == (OWNER, GROUP)
    container.folder("their runs", OTHER + 1)
    assert container.who(OUTPUT_DIR="/home/blueoil/their runs")[0] == str(OTHER + 1)


def test_an_empty_mount_of_root_is_left_where_a_user_is_asked_for(container: Container) -> None:
    container.folder("CamVid", OWNER, "train.txt")
    saved = container.folder("saved", 0, gid=0)
    done = container.run("id", "-u", user=OTHER)
    assert done.stdout == f"{OTHER}\n"
    assert owner(saved) == (0, 0)
    assert f"saved belongs to 0:0, and user {OTHER} cannot write there" in done.stderr
    assert container.who(BLUEOIL_UID=str(OTHER), BLUEOIL_GID=str(GROUP))[:2] == [str(OTHER), str(GROUP)]
    assert owner(saved) == (OTHER, GROUP), "started as root it hands the folder over, to whom it is told"


def test_the_user_that_is_asked_for_runs(container: Container) -> None:
    container.folder("CamVid", OWNER, "train.txt")
    done = container.run("sh", "-c", f"{WHO}; printenv HOME USER; touch here", user=OTHER)
    assert done.stdout.split() == [str(OTHER)] * 3 + ["/home/blueoil", "blueoil"]
    assert container.who(BLUEOIL_UID=str(OTHER)) == [str(OTHER)] * 3
    assert container.who(BLUEOIL_UID="0")[0] == "0"


def test_a_missing_gpu_is_told_where_the_image_asks_for_one(container: Container) -> None:
    if any(Path("/dev", name).exists() for name in ("nvidiactl", "dxg")):
        pytest.skip("a GPU is here")
    done = container.run("id", "-u", NVIDIA_VISIBLE_DEVICES="all")
    assert (done.stdout, done.returncode) == ("1000\n", 0)
    (line,) = done.stderr.splitlines()
    assert line.startswith("entrypoint: no GPU is here, so the CPU works in its place;")
    assert container.run("true").stderr == container.run("true", NVIDIA_VISIBLE_DEVICES="none").stderr == ""


def test_the_command_is_run_as_given(container: Container) -> None:
    done = container.run("sh", "-c", 'printf "%s|" "$@"; exit 7', "sh", "two words", "", "*")
    assert (done.stdout, done.returncode) == ("two words||*|", 7)


def test_tensorboard_listens_where_a_published_port_leads(container: Container) -> None:
    program = container.folder("bin", OWNER) / "tensorboard"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    path = f"/home/blueoil/bin:{os.environ['PATH']}"
    for words, expected in (
        (["--logdir=saved/run"], "--logdir=saved/run --bind_all"),
        (["--logdir=saved", "--host", "::1"], "--logdir=saved --host ::1"),
    ):
        assert container.run("tensorboard", *words, PATH=path).stdout == f"{expected}\n"


def test_roots_of_a_rootless_engine_stay_what_they_are(container: Container) -> None:
    os.chown(container.mounts, OWNER, GROUP)
    rootless = ["setpriv", f"--reuid={OWNER}", f"--regid={GROUP}", "--clear-groups", "unshare", "--user", "-r"]
    if subprocess.run([*rootless, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this kernel lets no user make a user namespace")
    done = subprocess.run(
        [*rootless, str(DOCKER / "entrypoint"), "id", "-u"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert done.stdout == "0\n"
