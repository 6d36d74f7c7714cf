"""Class lists: three sources, void by name, every fault named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnet.datasets.labels import STANDARD, Labels, read_labels
from lmnet.datasets.problems import Problems
from lmnet.errors import LmnetError


def read(folder: Path) -> Labels:
    problems = Problems()
    labels = read_labels(folder, problems)
    problems.raise_if_any(folder)
    assert labels is not None
    return labels


def test_without_a_list_the_eleven_standard_classes_and_void_11(tmp_path: Path) -> None:
    labels = read(tmp_path)
    assert labels is STANDARD
    assert labels.classes == (
        *("sky", "building", "pole", "road", "pavement", "tree"),
        *("signsymbol", "fence", "car", "pedestrian", "bicyclist"),
    )
    assert labels.table()[:13].tolist() == [*range(11), 255, 255]


@pytest.mark.parametrize("void", ["Ignore", "IGNORE", "Unlabelled", "unlabelled", "Void", "void", "Unlabeled"])
@pytest.mark.parametrize("position", [0, 1, 3])
def test_void_is_removed_and_larger_values_move_down(tmp_path: Path, void: str, position: int) -> None:
    names = ["sky", "road", "car"]
    names.insert(position, void)
    (tmp_path / "labels.txt").write_text("\n".join(names))
    labels = read(tmp_path)
    assert labels.classes == ("sky", "road", "car")
    expected = [0, 1, 2]
    expected.insert(position, 255)
    assert labels.table()[:5].tolist() == [*expected, 255]


def test_windows_endings_byte_order_mark_and_last_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xef\xbb\xbfsky\r\n road \r\nIgnore\r\n\r\n\r\n")
    assert read(tmp_path).classes == ("sky", "road")


def test_label_colors(tmp_path: Path) -> None:
    (tmp_path / "label_colors.txt").write_text("128 128 128 Sky\n128\t64 128  Road Marking\n0 0 0 Unlabelled\n")
    assert read(tmp_path).classes == ("Sky", "Road Marking")
    (tmp_path / "labels.txt").write_text("a\nb\n")
    assert read(tmp_path).classes == ("a", "b"), "labels.txt wins"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("labels.txt", b"sky\n\nroad\n", "labels.txt line 2: the line is empty"),
        ("labels.txt", b"sky\nroad\nSky\n", "line 3: the name 'Sky' is there twice"),
        ("labels.txt", b"", "names 0 classes beside void"),
        ("labels.txt", b"sky\nVoid\n", "names 1 classes beside void"),
        ("labels.txt", b"\n".join(b"class%d" % i for i in range(256)), "names 256 classes"),
        ("labels.txt", b"sky\xff\nroad\n", "not UTF-8 text (byte 3)"),
        ("labels.txt", "sky\nroad\n".encode("utf-16-le"), "zero bytes"),
        ("label_colors.txt", b"128 128 128 Sky\nRoad\n", "line 2: expected 'R G B Name'"),
        ("label_colors.txt", b"128 128 300 Sky\n1 2 3 Road\n", "line 1: expected 'R G B Name'"),
        ("label_colors.txt", b"1 2 3\n4 5 6 Road\n", "line 1: expected 'R G B Name'"),
    ],
)
def test_faults_are_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LmnetError) as caught:
        read(tmp_path)
    assert words in str(caught.value)
    assert "fix: write one class name on each line" in str(caught.value)


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").mkdir()
    with pytest.raises(LmnetError, match="cannot be read"):
        read(tmp_path)


@given(st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=2, unique=True), st.integers(0, 5))
def test_table_and_classes_agree(names: list[str], position: int) -> None:
    with_void = [*names[:position], "Void", *names[position:]]
    labels = Labels(tuple(with_void), "test")
    table = labels.table()
    assert labels.classes == tuple(names)
    for value, name in enumerate(with_void):
        assert (table[value] == 255) == (name == "Void")
        if name != "Void":
            assert labels.classes[table[value]] == name
    assert (table[len(with_void) :] == 255).all()
