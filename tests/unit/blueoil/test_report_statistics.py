"""The statistics of a dataset as people, programs and eyes get them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueoil import cli
from blueoil.report import statistics
from lmnet.datasets.sample import draw_dataset


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Current directory with a drawn dataset ``CamVid`` of 41x60 pixels and a config at half that size."""
    monkeypatch.chdir(tmp_path)
    draw_dataset(tmp_path / "CamVid", train=3, validation=2, size=(41, 60), seed=1)
    (tmp_path / "c.py").write_text("TRAIN_PATH = VALIDATION_PATH = 'CamVid'\nIMAGE_SIZE = (16, 32)\n")
    return tmp_path


def pixels(folder: Path, split: str) -> np.ndarray:
    files = sorted((folder / "CamVid" / f"{split}annot").iterdir())
    return np.bincount(np.concatenate([np.asarray(Image.open(file)).reshape(-1) for file in files]), minlength=12)


def test_a_folder_is_counted_at_about_its_own_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["dataset", "stats", "CamVid", "--json"]) == cli.OK
    values = json.loads(capsys.readouterr().out)
    assert values["image_size"] == [40, 64]
    assert list(values["train"]["classes"])[:2] == ["Sky", "Building"]
    assert (values["train"]["images"], values["validation"]["images"]) == (3, 2)
    for split, name in (("train", "train"), ("validation", "val")):
        counted = pixels(folder, name)
        shares = [row["share"] for row in values[split]["classes"].values()]
        assert shares == pytest.approx(counted[:11] / counted[:11].sum(), abs=0.03)
        assert sum(shares) == pytest.approx(1)
        total = sum(row["pixels"] for row in values[split]["classes"].values()) + values[split]["void"]["pixels"]
        assert total == values[split]["images"] * 40 * 64
    assert values["train"]["classes"]["Sky"]["images"] == 3
    image = np.stack([np.asarray(Image.open(file)) for file in (folder / "CamVid" / "train").iterdir()])
    assert list(values["train"]["mean"].values()) == pytest.approx(image.mean(axis=(0, 1, 2)), abs=3)
    assert list(values["train"]["deviation"].values()) == pytest.approx(image.std(axis=(0, 1, 2)), abs=3)


def test_a_config_is_counted_at_its_size_as_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["dataset", "stats", "-c", "c.py"]) == cli.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 training and 2 validation images at 16x32"
    sky = lines[2].split()
    assert sky[0] == "Sky"
    assert (sky[4], sky[8]) == ("3", "2")
    assert lines[13].split()[0] == "void"
    assert [line.split()[0] for line in lines[-3:]] == ["red", "green", "blue"]
    counts = [int(line.split()[1].replace(",", "")) for line in lines[2:14]]
    assert sum(counts) == 3 * 16 * 32


def test_the_chart_has_a_bar_a_class_and_split(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["dataset", "stats", "CamVid", "--plot", "charts/classes.png", "--json"]) == cli.OK
    assert json.loads(capsys.readouterr().out)["plot"] == "charts/classes.png"
    with Image.open("charts/classes.png") as picture:
        assert picture.width == 800
        colors = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    for color in statistics._COLORS:
        wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        assert (colors == wanted).all(axis=1).sum() > 2000


def test_what_cannot_be_counted_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["dataset", "stats"]) == cli.USER_ERROR
    assert "blueoil dataset stats DIR" in capsys.readouterr().err
    assert cli.run(["dataset", "stats", "CamVid", "--plot", "chart.pdf"]) == cli.USER_ERROR
    assert "ends in .png" in capsys.readouterr().err
    (folder / "CamVid" / "train" / "street_00000.png").write_text("no picture")
    assert cli.run(["dataset", "stats", "CamVid"]) == cli.USER_ERROR
    assert "a picture cannot be read" in capsys.readouterr().err
