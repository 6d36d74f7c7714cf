"""Run folders: names, records, checkpoints, and the lock."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueoil import samples
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment, new_id
from lmnet.datasets.base import Pair, Sample, Split

ROOT = Path(__file__).parents[3]


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    config = tmp_path / "my config.py"
    config.write_text("TRAIN_PATH = 'x'  # as it was\n")
    made = Experiment(tmp_path / "saved", "run_1")
    made.create(config, seed=7, overrides=["max_steps=3"])
    return made


def add_checkpoints(experiment: Experiment, *steps: int) -> None:
    for step in steps:
        folder = experiment.folder / "checkpoints" / f"save.ckpt-{step}"
        folder.mkdir(parents=True)
        (folder / "model.keras").touch()
        (folder / "state.json").write_text(json.dumps({"classes": ["Sky", "Road"]}))


def test_an_id_is_the_configs_name_and_the_time() -> None:
    assert re.fullmatch(r"camvid_\d{14}", new_id(Path("config/camvid.py")))
    assert re.fullmatch(r"a_b_\d{14}", new_id(Path("a b.yaml")))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", ".hidden", "a b", "/etc"])
def test_an_id_is_never_a_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(BlueoilError, match="no experiment id"):
        Experiment(tmp_path, name)


def test_a_new_folder_holds_the_config_word_for_word_and_the_environment(experiment: Experiment) -> None:
    assert experiment.config.read_text() == "TRAIN_PATH = 'x'  # as it was\n"
    record = experiment.environment
    assert record["seed"] == 7
    assert record["overrides"] == ["max_steps=3"]
    assert experiment.overrides == ("max_steps=3",)
    assert record["libraries"]["numpy"]
    assert not {"host", "hostname", "node"} & set(record)
    experiment.record_start()
    experiment.record_start()
    starts = experiment.environment["starts"]
    assert [set(start) for start in starts] == [{"time", "command", "processor", "cores"}] * 2
    assert starts[0]["processor"] not in ("", None)
    assert 1 <= starts[0]["cores"] <= (os.cpu_count() or 1)


def test_an_experiment_is_not_made_twice(experiment: Experiment) -> None:
    with pytest.raises(BlueoilError, match="exists already"):
        experiment.create(experiment.config, seed=1)


def test_an_experiment_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while it is made, it leaves a hidden folder, which the next one removes; an error leaves nothing."""
    config = tmp_path / "config.yaml"
    config.write_text("TRAIN_PATH: x\n")
    made = Experiment(tmp_path / "saved", "run")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            made.create(config, seed=1)
    assert list(made.root.iterdir()) == []
    left = made.root / ".run.unfinished.999999999"
    left.mkdir()
    made.create(config, seed=1)
    assert [path.name for path in made.root.iterdir()] == ["run"]
    with pytest.raises(BlueoilError, match="exists already"):
        made.create(config, seed=1)


def test_a_damaged_record_is_told(experiment: Experiment) -> None:
    for text in ("[]", '{"starts": 3}', '{"overrides": [1]}', "{", "[" * 5000):
        (experiment.folder / "environment.json").write_text(text)
        with pytest.raises(BlueoilError, match=r"record environment\.json is damaged"):
            _ = experiment.overrides


def test_opening_an_unknown_experiment_lists_the_known_ones(experiment: Experiment) -> None:
    with pytest.raises(BlueoilError, match="one of run_1"):
        Experiment.open(experiment.root, "run_2")
    with pytest.raises(BlueoilError, match="blueoil train"):
        Experiment.open(experiment.root / "nowhere", "run_2")
    assert Experiment.open(experiment.root, "run_1") == experiment


def test_checkpoints_are_found_by_every_name(experiment: Experiment) -> None:
    with pytest.raises(BlueoilError, match="no checkpoint yet"):
        experiment.checkpoint()
    add_checkpoints(experiment, 5, 100, 20)
    (experiment.folder / "checkpoints" / "save.ckpt-200").mkdir()  # a checkpoint without its files is none
    assert experiment.checkpoints() == ["save.ckpt-5", "save.ckpt-20", "save.ckpt-100"]
    assert experiment.checkpoint().name == "save.ckpt-100"
    with pytest.raises(BlueoilError, match="no checkpoint best"):
        experiment.checkpoint("best")
    (experiment.folder / "best").write_text("save.ckpt-20\n")
    assert experiment.checkpoint().name == "save.ckpt-20"
    assert experiment.checkpoint("best").name == "save.ckpt-20"
    assert experiment.checkpoint("last").name == "save.ckpt-100"
    assert experiment.checkpoint("5").name == experiment.checkpoint("save.ckpt-5").name == "save.ckpt-5"
    assert experiment.classes(experiment.checkpoint()) == ("Sky", "Road")
    with pytest.raises(BlueoilError, match=r"save\.ckpt-5, save\.ckpt-20, save\.ckpt-100, best, last"):
        experiment.checkpoint("save.ckpt-7")


def split_of(images: list[Path]) -> Split:
    """Return a split of these images; the one of number i is loaded as a picture of value i."""
    pairs = tuple(Pair(image, image, str(number)) for number, image in enumerate(images))

    def read(pair: Pair) -> Sample:
        value = int(pair.where)
        return Sample(np.full((2, 3, 3), value, np.uint8), np.zeros((2, 3), np.uint8), pair.image.stem)

    return Split("validation", pairs, read)


def test_samples_are_spread_over_the_split_and_kept_once(experiment: Experiment, tmp_path: Path) -> None:
    with pytest.raises(BlueoilError, match="--test_image"):
        experiment.samples()
    images = [tmp_path / f"{letter}.png" for letter in "abcdefg"]
    for image in images:
        image.write_text(image.stem)
    samples.keep(experiment.folder, split_of(images))
    assert [sample.name for sample in experiment.samples()] == ["0_a.png", "1_d.png", "2_g.png"]
    samples.keep(experiment.folder, split_of(images[:1]))
    assert len(experiment.samples()) == 3


def test_samples_that_are_no_files_are_kept_as_they_are_loaded(experiment: Experiment) -> None:
    samples.keep(experiment.folder, split_of([Path("nowhere/drawn"), Path("nowhere/too")]))
    assert [sample.name for sample in experiment.samples()] == ["0_drawn.png", "1_too.png"]
    with Image.open(experiment.samples()[1]) as picture:
        assert np.array_equal(np.asarray(picture), np.full((2, 3, 3), 1, np.uint8))


def test_removal_leaves_nothing(experiment: Experiment) -> None:
    add_checkpoints(experiment, 1)
    experiment.remove()
    assert list(experiment.root.iterdir()) == []


def test_two_trainings_of_one_experiment_are_refused_and_a_dead_one_lets_go(experiment: Experiment) -> None:
    with experiment.lock(), pytest.raises(BlueoilError, match="by another process"), experiment.lock():
        pass
    code = (
        "import sys, time; from pathlib import Path; from blueoil.experiment import Experiment\n"
        f"with Experiment(Path({str(experiment.root)!r}), 'run_1').lock():\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BlueoilError, match="another process"), experiment.lock():
            pass
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    with experiment.lock():
        pass
