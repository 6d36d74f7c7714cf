"""Everything that can be wrong with a dataset: all of it in one error, each with place and cure."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from dataset_files import H, W, settings_for, write_dataset, write_pair
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lmnet.datasets import open_dataset
from lmnet.datasets.lists import read_list
from lmnet.datasets.problems import KINDS, Problems
from lmnet.errors import LmnetError


def message(folder: Path, **values: object) -> str:
    with pytest.raises(LmnetError) as caught:
        open_dataset(settings_for(folder, **values))
    assert caught.value.exit_code == 1
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "set")


def append(folder: Path, line: str) -> None:
    with (folder / "train.txt").open("a") as file:
        file.write(line + "\n")


def test_missing_folders(tmp_path: Path, folder: Path) -> None:
    assert "nowhere" in message(tmp_path / "nowhere")
    text = message(folder, validation_path=tmp_path / "nowhere")
    assert "the dataset folder does not exist\n" in text
    assert str(tmp_path / "nowhere") in text


def test_missing_and_empty_lists(folder: Path) -> None:
    (folder / "train.txt").unlink()
    (folder / "val.txt").write_text("\n \r\n")
    text = message(folder)
    assert f"{folder / 'train.txt'}: there is no such file" in text
    assert f"{folder / 'val.txt'}: it names no image" in text
    assert "fix: write one line for each image" in text


def test_lines_that_are_no_pair(folder: Path) -> None:
    append(folder, "train/train0.png")
    append(folder, "a b c d")
    append(folder, "a\t")
    text = message(folder)
    assert "train.txt line 4: 1 column: 'train/train0.png'" in text
    assert "train.txt line 5: 4 columns" in text
    assert "train.txt line 6: 1 column: 'a'" in text


def test_missing_files_and_paths_that_lead_out(tmp_path: Path, folder: Path) -> None:
    append(folder, "train/none.png trainannot/train0.png")
    append(folder, "../outside.png /etc/passwd")
    append(folder, "train/a\x01b.png trainannot/train0.png")
    append(folder, f"{'x' * 5000}.png trainannot/train0.png")
    text = message(folder)
    assert f"train.txt line 4: {folder / 'train' / 'none.png'}" in text
    assert "a path leads out of the dataset folder (2 times)" in text
    assert "train.txt line 5: /etc/passwd" in text
    assert "a listed file does not exist (3 times)" in text


def test_unreadable_pictures(folder: Path) -> None:
    content = (folder / "train" / "train0.png").read_bytes()
    (folder / "train" / "train0.png").write_bytes(content[: len(content) // 2])
    (folder / "trainannot" / "train1.png").write_text("no picture")
    text = message(folder)
    assert "a picture cannot be read (2 times)" in text
    assert "train0.png: it cannot be decoded" in text
    assert "train1.png: it is not a picture of a known format" in text


def test_sizes_that_differ(folder: Path) -> None:
    Image.fromarray(np.zeros((H, W + 1), np.uint8)).save(folder / "valannot" / "val1.png")
    assert f"val1.png: mask {W + 1} x {H}, image {W} x {H}" in message(folder)


def test_colour_coded_masks(folder: Path) -> None:
    colors = np.zeros((H, W, 3), np.uint8)
    colors[..., 0] = 128
    Image.fromarray(colors).save(folder / "trainannot" / "train0.png")
    Image.fromarray(np.ones((H, W, 3), np.uint8)).save(folder / "trainannot" / "train1.png")
    Image.new("LA", (W, H)).save(folder / "trainannot" / "train2.png")
    text = message(folder)
    assert "a mask is colour-coded, but masks must hold class indices (3 times)" in text
    assert "train0.png: mode RGB" in text
    assert "train1.png: its three channels are equal: keep one of them" in text
    assert "label_colors.txt, counted from 0" in text


@pytest.mark.parametrize("value", [4, 12, 254, 255, 256, 40000])
def test_values_that_are_no_class(folder: Path, value: int) -> None:
    mask = np.zeros((H, W), np.uint8 if value < 256 else np.uint16)
    mask[3, 4:6] = value
    Image.fromarray(mask).save(folder / "trainannot" / "train1.png")
    assert f"train1.png: 2 pixels with {value}; expected 0 to 3 ({folder / 'labels.txt'})" in message(folder)


def test_values_are_checked_before_resizing_can_hide_them(folder: Path) -> None:
    mask = np.zeros((H, W), np.uint8)
    mask[0, 0] = 9
    Image.fromarray(mask).save(folder / "trainannot" / "train1.png")
    assert "1 pixel with 9" in message(folder, image_size=(16, 16))


def test_the_same_file_in_two_splits(folder: Path) -> None:
    (folder / "val.txt").write_text("val/val0.png valannot/val0.png\n./train/train2.png trainannot/train2.png\n")
    text = message(folder)
    assert "the same image is in training and in validation\n" in text
    assert f"val.txt line 2 and {folder / 'train.txt'} line 3" in text


def test_the_same_file_behind_a_link_even_where_it_cannot_be_read(folder: Path) -> None:
    (folder / "train" / "train0.png").write_bytes(b"x")
    (folder / "val" / "val0.png").unlink()
    (folder / "val" / "val0.png").symlink_to(folder / "train" / "train0.png")
    assert "the same image is in training and in validation" in message(folder)


def test_the_same_picture_under_another_name_format_and_folder(tmp_path: Path, folder: Path) -> None:
    other = write_dataset(tmp_path / "other", validation=3)
    for i in range(3):
        write_pair(other, f"val{i}.png", 800 + i, split="val")
    both = {"validation_path": other}
    assert len(open_dataset(settings_for(folder, **both)).validation) == 3
    Image.open(folder / "train" / "train1.png").save(other / "val" / "val2.png", compress_level=1)
    text = message(folder, **both)
    assert f"the same picture as {folder / 'train' / 'train1.png'}" in text
    (other / "val" / "val2.png").unlink()
    (other / "val" / "val2.png").symlink_to(folder / "train" / "train0.png")
    assert "val2.png" in message(folder, **both)


def test_a_picture_listed_twice_must_not_fall_on_both_sides_of_the_nine_to_one_rule(folder: Path) -> None:
    shutil.copy(folder / "train" / "train0.png", folder / "train" / "copy.png")
    (folder / "train.txt").write_text("".join(f"train/{n}.png trainannot/train0.png\n" for n in ("train0", "copy")))
    assert "the same image is in training and in validation" in message(folder, validation_path=None)


def test_masks_that_are_void_everywhere(folder: Path) -> None:
    for i in range(2):
        Image.fromarray(np.full((H, W), 2, np.uint8)).save(folder / "valannot" / f"val{i}.png")
    text = message(folder)
    assert "no pixel has a class" in text
    assert "the validation images: 2 masks are void everywhere" in text


def test_one_image_is_too_few_to_hold_one_out(folder: Path) -> None:
    (folder / "train.txt").write_text("train/train0.png trainannot/train0.png\n")
    assert "too few images to hold out a tenth" in message(folder, validation_path=None)


def test_all_kinds_of_problems_in_one_error(tmp_path: Path, folder: Path) -> None:
    other = write_dataset(tmp_path / "other", validation=1, labels="a\nb\n")
    append(folder, "one")
    append(folder, "../x y")
    append(folder, "train/none.png trainannot/train0.png")
    append(folder, write_pair(folder, "colour.png", 60))
    Image.new("RGB", (W, H)).save(folder / "trainannot" / "colour.png")
    append(folder, write_pair(folder, "range.png", 61))
    Image.new("L", (W, H), 77).save(folder / "trainannot" / "range.png")
    append(folder, write_pair(folder, "size.png", 62))
    Image.new("L", (W, H + 4)).save(folder / "trainannot" / "size.png")
    append(folder, write_pair(folder, "broken.png", 63))
    (folder / "train" / "broken.png").write_bytes(b"x")
    shutil.copy(folder / "train" / "train0.png", other / "val" / "val0.png")
    text = message(folder, validation_path=other)
    told = {name for name, kind in KINDS.items() if kind.title in text}
    assert told == {"line", "outside", "missing", "colour", "range", "size", "image", "leak", "classes"}
    assert text.count("fix:") == len(told)


def test_labels_that_are_wrong_do_not_hide_the_rest(folder: Path) -> None:
    (folder / "labels.txt").write_text("sky\n\nroad\n")
    (folder / "train" / "train0.png").write_bytes(b"x")
    text = message(folder)
    assert "the class list is wrong" in text
    assert "a picture cannot be read" in text


def test_many_problems_are_counted_and_ten_are_shown() -> None:
    problems = Problems()
    for i in range(25):
        problems.add("missing", f"line {i}")
        problems.add("missing", f"line {i}")
    with pytest.raises(LmnetError) as caught:
        problems.raise_if_any(Path("set"))
    assert "the dataset has 25 problems" in caught.value.what
    assert "line 9\n" in caught.value.what
    assert "line 10\n" not in caught.value.what
    assert "and 15 more" in caught.value.what
    assert caught.value.where == "set"


def test_augmentors_are_checked_with_the_dataset(folder: Path) -> None:
    assert "there is no augmentor Nope" in message(folder, augmentors={"Nope": {}})


@settings(deadline=None, max_examples=80)
@given(content=st.binary(max_size=200))
def test_no_content_of_a_list_raises_anything_but_a_report(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "fuzz.txt").write_bytes(content)
    problems = Problems()
    assert read_list(folder, "fuzz.txt", problems) == []
    assert len(problems) >= 1
