"""A search with two trials, in processes of Ray: one learns, one diverges."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from blueoil.config.load import load
from blueoil.experiment import Experiment
from lmnet.datasets.sample import draw_dataset

CONFIG = """
TRAIN_PATH = VALIDATION_PATH = "CamVid"
IMAGE_SIZE = (16, 16)
BATCH_SIZE = 2
MAX_STEPS = 4
TEST_STEPS = 2
"""


@pytest.mark.needs("ray")
def test_the_trial_that_learns_wins(tmp_path: Path) -> None:
    draw_dataset(tmp_path / "CamVid", train=4, validation=2, size=(32, 32), seed=1)
    (tmp_path / "c.py").write_text(CONFIG)
    words = [
        "tune",
        "-c",
        "c.py",
        "-e",
        "t",
        "--trials",
        "2",
        "--search",
        "learning_rate=choice(0.001, 1.0e+30)",
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "blueoil", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    good, bad = values["trials"]
    assert (good["values"], good["state"], good["share"]) == ({"learning_rate": 0.001}, "finished", 1.0)
    assert (bad["values"], bad["state"]) == ({"learning_rate": 1e30}, "failed")
    assert "diverged" in bad["error"]
    experiment = Experiment.open(tmp_path / "saved" / "t" / "trials", str(good["trial"]))
    assert experiment.checkpoint().name == f"save.ckpt-{good['step']}"
    assert (experiment.folder / "results.png").is_file()
    assert experiment.settings().learning_rate == load(tmp_path / "saved" / "t" / "best.py").learning_rate == 0.001
