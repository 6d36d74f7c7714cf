"""Two datasets have one fingerprint when they are copies of each other."""

from __future__ import annotations

import shutil

from dataset_files import settings_for, write_dataset, write_pair

from lmnet.datasets import open_dataset
from lmnet.datasets.fingerprint import fingerprint


def test_a_copy_is_the_same_and_any_other_dataset_is_not(tmp_path):
    first = write_dataset(tmp_path / "first", train=3)
    ours = fingerprint(open_dataset(settings_for(first)))

    def changed(name, change):
        folder = shutil.copytree(first, tmp_path / name)
        change(folder)
        return fingerprint(open_dataset(settings_for(folder)))

    listed = (first / "train.txt").read_text().splitlines(keepends=True)
    assert changed("copy", lambda folder: None) == ours
    others = {
        changed("classes", lambda folder: (folder / "labels.txt").write_text("sky\nroad\nVoid\nbus\n")),
        changed("order", lambda folder: (folder / "train.txt").write_text("".join(reversed(listed)))),
        changed("fewer", lambda folder: (folder / "train.txt").write_text("".join(listed[:2]))),
        changed("pixels", lambda folder: write_pair(folder, "train1.png", 77)),
        changed("validation", lambda folder: write_pair(folder, "val0.png", 78, split="val")),
    }
    assert len(others | {ours}) == 6
