"""The page of results tells what stands in the run folders, and nothing that nobody measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from blueoil import lineage
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment
from blueoil.report import results
from lmnet import networks
from lmnet.networks.facts import blocks
from lmnet.settings import Settings

CLASSES = ["Sky", "Road"]


def run(root: Path, name: str, network: str, **values: object) -> Path:
    config = root / "c.py"
    lines = {"TRAIN_PATH": "x", "NETWORK": network, "IMAGE_SIZE": (32, 48), "BATCH_SIZE": 4, **values}
    config.write_text("\n".join(f"{key} = {value!r}" for key, value in lines.items()))
    experiment = Experiment(root / "saved", name)
    experiment.create(config, seed=1)
    experiment.record_start()
    checkpoint(experiment.folder, 20, seconds=7200.0, cpu_seconds=10800.0)
    (experiment.folder / "best").write_text("save.ckpt-20\n")
    return experiment.folder


def checkpoint(folder: Path, step: int, **facts: float) -> Path:
    target = folder / "checkpoints" / f"save.ckpt-{step}"
    target.mkdir(parents=True)
    (target / "model.keras").touch()
    (target / "state.json").write_text(json.dumps({"step": step, **facts}))
    return target


def evaluated(folder: Path, backend: str, mean_iou: float) -> None:
    file = folder / "evaluate" / f"save.ckpt-20_{backend}.json"
    file.parent.mkdir(exist_ok=True)
    scores = {"mean_iou": mean_iou, "iou": {"Sky": 0.9, "Road": None}, "classes": CLASSES}
    file.write_text(json.dumps(scores))


def test_a_run_is_told_from_its_folder(tmp_path: Path) -> None:
    folder = run(tmp_path, "unet", "LmSegnetV1Quantize", CROP_SIZE=(16, 24))
    checkpoint(folder, 30, seconds=9000.0, cpu_seconds=18000.0)
    checkpoint(folder / "float", 10, seconds=1800.0, cpu_seconds=3600.0)
    evaluated(folder, "keras", 0.5)
    evaluated(folder, "x86", 0.6)
    found = results.read(folder)
    assert (found.network, found.bits, found.backend) == ("LmSegnetV1Quantize", "1 / 2", "x86")
    assert found.scores["mean_iou"] == 0.6, "the library's, not the graph's"
    assert found.steps == (10, 20), "up to the best checkpoint"
    assert found.hours == (3.0, 6.0), "of the whole run, the float twin's included"
    assert (found.batch, found.crop, found.library) == (4, (16, 24), None)
    network = blocks(networks.build(Settings(train_path="x", image_size=(32, 48)), 2))
    assert found.gmac == sum(block.macs for block in network) / 1e9
    assert 0.3 < found.megabytes < 0.4, "one bit a weight, and the rest in float"


def test_a_run_that_began_from_a_checkpoint_tells_its_steps_and_hours_too(tmp_path: Path) -> None:
    first = run(tmp_path, "float", "LmSegnetV1")
    start = first / "checkpoints" / "save.ckpt-20"
    folder = run(tmp_path, "w1a2", "LmSegnetV1Quantize", WARM_START=str(start))
    evaluated(folder, "x86", 0.6)
    found = results.read(folder)
    assert (found.steps, found.hours) == ((20, 20), (4.0, 6.0))
    third = run(tmp_path, "more", "LmSegnetV1Quantize", WARM_START=str(folder / "checkpoints" / "save.ckpt-20"))
    evaluated(third, "x86", 0.7)
    found = results.read(third)
    assert (found.steps, found.hours) == ((40, 20), (6.0, 9.0)), "of all before"


def test_a_checkpoint_without_its_run_tells_its_own_steps(tmp_path: Path) -> None:
    alone = checkpoint(tmp_path / "alone", 5, seconds=3600.0)
    folder = run(tmp_path, "w1a2", "LmSegnetV1Quantize", WARM_START=str(alone))
    assert lineage.before(folder, Experiment.open(folder.parent, folder.name).settings()) == lineage.Effort(5, 3600.0)
    gone = Settings(train_path="x", warm_start="/save.ckpt-7")
    assert lineage.before(folder, gone) == lineage.Effort()


def test_the_page_has_a_row_a_run_and_the_classes(tmp_path: Path) -> None:
    first, second = (run(tmp_path, name, net) for name, net in (("a", "LmSegnetV1Quantize"), ("b", "LmSegnetV1")))
    evaluated(first, "x86", 0.5)
    evaluated(second, "keras", 0.625)
    page = tmp_path / "results.md"
    told = CliRunner().invoke(results.main, [str(first), str(second), "-o", str(page)])
    assert told.exit_code == 0, told.output
    lines = page.read_text().splitlines()
    (row,) = [line for line in lines if line.startswith("| b |")]
    assert row.startswith("| b | LmSegnetV1 | 32 / 32 | 32x48 | 62.5 % | keras | ")
    assert " | 20; 4 x 32x48 | 2.0 (3.0) | " in row
    assert "| Sky | 90.0 | 90.0 |" in lines
    assert "| Road |  |  |" in lines


def test_a_run_without_scores_says_what_to_type(tmp_path: Path) -> None:
    folder = run(tmp_path, "a", "LmSegnetV1Quantize")
    with pytest.raises(BlueoilError, match="was not evaluated") as caught:
        results.read(folder)
    assert caught.value.fix == "blueoil evaluate -e a -p save.ckpt-20"
