"""The drawn dataset: complete, checked by the reader, seeded, atomic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dataset_files import pixel_counts, settings_for
from PIL import Image

from lmnet.datasets import open_dataset, sample
from lmnet.datasets.sample import draw_dataset
from lmnet.errors import LmnetError
from lmnet.metrics import best_constant_mean_iou, confusion_matrix
from lmnet.processors.palette import CAMVID_COLORS


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_reader_takes_it_and_every_class_occurs(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "sample"
    draw_dataset(folder, train=12, validation=4, size=(64, 80))
    names = sorted(p.name for p in folder.iterdir())
    assert names == ["label_colors.txt", "train", "train.txt", "trainannot", "val", "val.txt", "valannot"]
    dataset = open_dataset(settings_for(folder, image_size=(64, 80)))
    assert tuple(name.casefold() for name in dataset.classes) == tuple(CAMVID_COLORS)
    assert (len(dataset.train), len(dataset.validation)) == (12, 4)
    counts = pixel_counts(dataset.train, 11)
    assert (counts > 0).all()
    share = counts / counts.sum()
    assert 0.1 < share[3] < 0.5, "road"
    assert share.max() < 0.5
    masks = [dataset.train.load(i).mask for i in range(12)]
    matrix = sum(confusion_matrix(mask, np.zeros_like(mask), 11) for mask in masks)
    assert best_constant_mean_iou(matrix) < 0.05
    assert any((mask == 255).any() for mask in masks), "void occurs"


def test_images_match_their_masks(tmp_path: Path) -> None:
    draw_dataset(tmp_path / "s", train=6, validation=0, size=(96, 128))
    assert not (tmp_path / "s" / "val.txt").exists()
    sky, road = [], []
    for path in sorted((tmp_path / "s" / "train").iterdir()):
        image = np.asarray(Image.open(path)).astype(np.float64)
        mask = np.asarray(Image.open(tmp_path / "s" / "trainannot" / path.name))
        assert (image.shape, mask.shape, mask.dtype) == ((96, 128, 3), (96, 128), np.uint8)
        assert mask.max() <= 11
        sky.append(image[mask == 0].mean())
        road.append(image[mask == 3].mean())
        assert (mask[:5] == 3).sum() == 0, "no road at the top"
        assert (mask[-5:] == 0).sum() == 0, "no sky at the bottom"
    assert min(np.array(sky) - np.array(road)) > 20


def test_seed_decides_and_a_larger_dataset_begins_with_the_smaller(tmp_path: Path) -> None:
    size = (32, 40)
    draw_dataset(tmp_path / "a", train=3, validation=1, size=size, seed=7)
    draw_dataset(tmp_path / "b", train=3, validation=1, size=size, seed=7)
    draw_dataset(tmp_path / "c", train=5, validation=2, size=size, seed=7)
    draw_dataset(tmp_path / "d", train=3, validation=1, size=size, seed=8)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    pictures = {name: data for name, data in contents(tmp_path / "a").items() if name.endswith(".png")}
    assert len(pictures) == 8
    assert pictures.items() <= contents(tmp_path / "c").items()
    different = contents(tmp_path / "d")
    assert all(different[name] != data for name, data in pictures.items())


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    for target in (tmp_path, tmp_path / "mine"):
        with pytest.raises(LmnetError, match="in use"):
            draw_dataset(target, train=1, validation=0, size=(32, 32))
    assert contents(tmp_path) == {"mine": b"kept"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    draw_dataset(tmp_path / "new", train=1, validation=0, size=(32, 32))
    assert (tmp_path / "new" / "train.txt").read_text() == "train/street_00000.png trainannot/street_00000.png\n"


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = sample.draw_scene

    def draw_one_then_fail(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        if (tmp_path / "s").exists() or list(tmp_path.rglob("trainannot/*.png")):
            raise OSError(28, "No space left on device")
        return drawn(rng, size)

    monkeypatch.setattr(sample, "draw_scene", draw_one_then_fail)
    with pytest.raises(LmnetError, match="No space left on device"):
        draw_dataset(tmp_path / "s", train=3, validation=1, size=(32, 32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "values", [{"train": 0}, {"validation": -1}, {"size": (31, 64)}, {"size": (64, 2000)}, {"seed": -1}]
)
def test_numbers_that_make_no_dataset(tmp_path: Path, values: dict) -> None:
    with pytest.raises(LmnetError, match="make no dataset"):
        draw_dataset(tmp_path / "s", **values)
    assert list(tmp_path.iterdir()) == []
