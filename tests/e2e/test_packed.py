"""A dataset packed on one machine trains on another with one script, in as many turns as the time there allows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from blueoil import cli

ROOT = Path(__file__).parents[2]
CONFIG = """
TRAIN_PATH = "CamVid"
IMAGE_SIZE = (16, 16)
BATCH_SIZE = 2
MAX_STEPS = 3
TEST_STEPS = 3
"""


def test_the_script_goes_on_until_the_run_is_finished(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.py").write_text(CONFIG)
    assert cli.run(["dataset", "sample", "CamVid", "--train", "10", "--validation", "1", "--size", "32x32"]) == cli.OK
    assert cli.run(["dataset", "pack", "-c", "c.py", "there/camvid.tar", "--part_mib", "1"]) == cli.OK
    assert [path.name for path in Path("there").iterdir()] == ["camvid.tar.001-of-001"]
    (tmp_path / "CamVid").rename(tmp_path / "away")

    def turn(*words: str) -> list[str]:
        script = [sys.executable, "-S", ROOT / "tools" / "train_packed.py", "there/camvid.tar", "c.py", "-e", "run"]
        # Without the site's .pth files blueoil is not installed: a copy of the tree and its packages are enough.
        packages = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
        done = subprocess.run(
            [*script, "--unpacked", "unpacked", *words], env=packages, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    first = turn("--minutes", "0", "summarise_steps=1")
    assert first[-2:] == [
        "Stopped at step 1; the checkpoint is saved.",
        "To go on: blueoil train -e run --output_dir saved",
    ]
    assert "train dataset num: 9" in first
    second = turn("summarise_steps=1")
    assert "steps: 3, going on after step 1" in second
    assert "Done" in second
    state = json.loads(Path("saved/run/checkpoints/save.ckpt-3/state.json").read_text())
    assert state["train_images"] == 9
    assert len(list(Path("unpacked").iterdir())) == 1


def test_unpacking_says_what_is_next(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.py").write_text(CONFIG)
    assert cli.run(["dataset", "sample", "CamVid", "--train", "4", "--validation", "1", "--size", "32x32"]) == cli.OK
    assert cli.run(["dataset", "pack", "-c", "c.py", "camvid.tar", "--json"]) == cli.OK
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["files"] == ["camvid.tar"]
    assert cli.run(["dataset", "unpack", "camvid.tar", "here"]) == cli.OK
    assert capsys.readouterr().out.splitlines()[-1].endswith("train_path=here validation_path=here")
    assert cli.run(["dataset", "check", "here"]) == cli.OK
    assert cli.run(["dataset", "unpack", "camvid.tar", "here"]) == cli.USER_ERROR
    assert cli.run(["dataset", "unpack", "none.tar", "there"]) == cli.USER_ERROR
