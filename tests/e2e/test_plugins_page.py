"""The page on code of one's own, its commands as printed; then the file goes, and the experiment goes on."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def blueoil(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "blueoil", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{words}: {done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the commands of the page ran, and from which docs/ is gone since."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(DOCS / "examples", folder / "docs" / "examples")
    (block,) = re.findall(
        r"^```sh\n(.*?)^```", (DOCS / "plugins.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    lines = [line.partition("#")[0].split() for line in block.splitlines()]
    assert [line[:2] for line in lines[1:]] == [["blueoil", verb] for verb in ("train", "evaluate", "convert")]
    for line in lines:
        blueoil(folder, *line[1:])
    shutil.rmtree(folder / "docs")
    return folder


def test_an_own_network_becomes_a_proved_library(home: Path) -> None:
    values = json.loads(blueoil(home, "verify", "-e", "own", "--json").stdout)
    assert all(row["mismatches"] == 0 for row in values["verification"])
    (package,) = (home / "saved" / "own" / "export").rglob("output")
    meta = (package / "models" / "meta.yaml").read_text(encoding="utf-8")
    assert "network: SmallQuantize" in meta
    assert (package / "models" / "lib" / "libdlk_x86.so").is_file()


def test_it_goes_on_from_an_earlier_checkpoint_without_the_file(home: Path) -> None:
    checkpoints = home / "saved" / "own" / "checkpoints"
    weights = (checkpoints / "save.ckpt-6" / "state.json").read_text(encoding="utf-8")
    shutil.rmtree(checkpoints / "save.ckpt-6")
    done = blueoil(home, "train", "-e", "own")
    assert "going on after step 3" in done.stdout
    again = (checkpoints / "save.ckpt-6" / "state.json").read_text(encoding="utf-8")
    assert json.loads(again)["mean_iou"] == json.loads(weights)["mean_iou"]


def test_it_predicts_and_evaluates_without_the_file(home: Path) -> None:
    blueoil(home, "predict", "-e", "own", "-i", "CamVid/val", "-o", "predictions")
    assert len(list((home / "predictions" / "images" / "mask").iterdir())) == 4
    values = json.loads(blueoil(home, "evaluate", "-e", "own", "--backend", "x86", "--json").stdout)
    assert list(values["iou"])[-1] == "Bicyclist"
    assert values["images"] == 4


def test_the_page_shows_what_the_file_holds() -> None:
    page = (DOCS / "plugins.md").read_text(encoding="utf-8")
    source = (DOCS / "examples" / "own.py").read_text(encoding="utf-8")
    shown = re.findall(r"^(?:@(?:network|dataset|loss)\(.*|def .*)$", page, re.MULTILINE)
    assert len(shown) == 7
    for line in shown:
        assert f"\n{line}\n" in source
