"""A packed dataset trains as the one it was made of, in one file or in parts."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
from dataset_files import settings_for, write_dataset

from lmnet.datasets import open_dataset
from lmnet.datasets.feeder import batch_for_step
from lmnet.datasets.pack import pack, read, unpack
from lmnet.errors import LmnetError


@pytest.fixture
def chosen(tmp_path):
    """Settings of a dataset whose validation images are held out by lot, and whose third label of four is void."""
    return settings_for(write_dataset(tmp_path / "data", train=12), validation_path=None, augmentors={"Hue": {}})


@pytest.mark.parametrize("part_bytes", [None, 7000])
def test_training_sees_the_same(chosen, tmp_path, part_bytes):
    dataset = open_dataset(chosen)
    written = pack(dataset, tmp_path / "packed.tar", part_bytes=part_bytes)
    assert sorted(path.name for path in tmp_path.glob("*packed*")) == [path.name for path in written]
    if part_bytes:
        sizes = [path.stat().st_size for path in written]
        assert written[0].name == f"packed.tar.001-of-{len(sizes):03d}"
        assert set(sizes[:-1]) == {part_bytes}
        assert 0 < sizes[-1] <= part_bytes
    folder = tmp_path / "unpacked"
    unpack(read(tmp_path / "packed.tar"), folder)
    moved = chosen.model_copy(update={"train_path": folder, "validation_path": folder})
    again = open_dataset(moved)
    assert again.classes == dataset.classes == ("sky", "road", "car")
    assert (len(again.train), len(again.validation)) == (10, 2)
    for step in range(6):
        ours, theirs = batch_for_step(again, moved, step), batch_for_step(dataset, chosen, step)
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    for i in range(2):
        assert np.array_equal(again.validation.load(i).mask, dataset.validation.load(i).mask)


def test_packing_again_replaces_file_and_parts(chosen, tmp_path):
    dataset, file = open_dataset(chosen), tmp_path / "packed.tar"
    pack(dataset, file, part_bytes=5000)
    (whole,) = pack(dataset, file)
    data = whole.read_bytes()
    assert [path.name for path in tmp_path.glob("packed*")] == ["packed.tar"]
    parts = pack(dataset, file, part_bytes=10**9)
    assert [path.read_bytes() for path in parts] == [data], "the same dataset gives the same bytes"


def test_a_missing_part_is_told(chosen, tmp_path):
    parts = pack(open_dataset(chosen), tmp_path / "packed.tar", part_bytes=5000)
    parts[1].unlink()
    with pytest.raises(LmnetError, match="no whole packed dataset") as caught:
        read(tmp_path / "packed.tar")
    assert parts[0].name in caught.value.received
    with pytest.raises(LmnetError, match="no whole packed dataset"):
        read(tmp_path / "none" / "packed.tar")


def test_what_is_no_packed_dataset_leaves_no_folder(tmp_path):
    with pytest.raises(LmnetError, match="no packed dataset"):
        unpack(b"anything else", tmp_path / "unpacked")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../escaped"))
    with pytest.raises(LmnetError, match="no packed dataset"):
        unpack(stream.getvalue(), tmp_path / "unpacked")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").touch()
    with pytest.raises(LmnetError, match="in use"):
        unpack(b"", tmp_path)
