"""Pictures, tables and the lines of a run."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueoil.console import Console, duration, percent
from blueoil.files import replacing, write_text
from blueoil.progress import TrainingProgress
from blueoil.report import confusion, curves, live, scores
from lmnet.datasets.base import Sample, Split
from lmnet.metrics.iou import scores as score
from lmnet.training.events import Saved, Started, StepDone, Validated

MATRIX = np.array([[90, 10, 0], [25, 75, 0], [0, 0, 0]], dtype=np.int64)
NO_SPLIT = Split("validation", (), lambda pair: Sample(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.uint8), "x"))
CLASSES = ("Sky", "Road", "Bicyclist")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (200, "3:20"), (7510, "2:05:10"), (3 * 86400 + 14400, "3 d 04:00")],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_percent() -> None:
    assert percent(0.12345) == "12.3 %"
    assert percent(float("nan")) == "-"


def test_confusion_shares_are_of_the_rows(tmp_path: Path) -> None:
    shares = confusion.row_shares(MATRIX)
    assert shares[:2].tolist() == [[0.9, 0.1, 0.0], [0.25, 0.75, 0.0]]
    assert np.isnan(shares[2]).all()
    confusion.draw(MATRIX, CLASSES, tmp_path / "new" / "c.png", title="t")
    with Image.open(tmp_path / "new" / "c.png") as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    # the darkest cell is the largest share
    assert (pixels[:, 2] > pixels[:, 0].astype(int) + 60).sum() > 1000
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["c.png"]


def test_curves_skip_what_was_not_measured(tmp_path: Path) -> None:
    file = tmp_path / "results.csv"
    file.write_text(
        "step,epoch,loss,learning_rate,mean_iou,pixel_accuracy,iou/Sky,iou/Road\n"
        "10,0.1,2.5,0.01,,,,\n20,0.2,2.0,0.001,0.25,0.5,0.5,\n"
    )
    series = curves.read(file)
    assert series["loss"] == ([10, 20], [2.5, 2.0])
    assert series["mean_iou"] == ([20], [0.25])
    assert "iou/Road" not in series
    curves.draw(file, tmp_path / "results.png", title="run")
    with Image.open(tmp_path / "results.png") as picture:
        assert picture.size == (1100, 700)


def write_results(file: Path, *steps: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{step},0.1,{2 / step},0.01,0.5" for step in steps]
    file.write_text("\n".join(["step,epoch,loss,learning_rate,mean_iou", *rows, ""]))


def grey_columns(picture: Path) -> int:
    """Count the columns of the first panel that have the grey ground of the float stage."""
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))[60:330, 60:540]
    return int(((pixels == 237).all(axis=2).mean(axis=0) > 0.5).sum())


def test_the_float_stage_lies_left_of_the_networks(tmp_path: Path) -> None:
    write_results(tmp_path / "float.csv", 10, 20, 60)
    write_results(tmp_path / "results.csv", 10, 20)
    whole = tmp_path / "whole.png"
    curves.draw(tmp_path / "results.csv", whole, float_results=tmp_path / "float.csv")
    assert 0.5 < grey_columns(whole) / 480 < 0.8, "50 of 70 steps"
    curves.draw(tmp_path / "results.csv", tmp_path / "alone.png")
    assert grey_columns(tmp_path / "alone.png") == 0
    curves.draw(tmp_path / "none.csv", tmp_path / "twin.png", float_results=tmp_path / "float.csv")
    assert grey_columns(tmp_path / "twin.png") > grey_columns(whole), "the twin is still at work"


def test_live_curves_are_drawn_in_a_twentieth_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float] = []
    now = [100.0]

    def draw(*_: object, **__: object) -> None:
        drawn.append(now[0])
        now[0] += 2

    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(curves, "draw", draw)
    write_results(tmp_path / "results.csv", 10)
    picture = live.LiveCurves(tmp_path, "run", Console())
    for now[0] in (100.0, 110.0, 141.0, 142.0, 150.0):
        picture.update()
    assert drawn == [100.0, 142.0]
    picture.draw()
    assert len(drawn) == 3, "the last picture is always drawn"


def test_a_picture_that_cannot_be_drawn_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = live.LiveCurves(tmp_path, "run", Console())
    picture.draw()
    assert not capsys.readouterr().err, "nothing is recorded yet"
    (tmp_path / "results.csv").write_text("step,loss\nno number,1\n")
    picture.draw()
    picture.draw()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Warning: results.png cannot be drawn: ValueError")
    write_results(tmp_path / "float/results.csv", 10)
    (tmp_path / "results.csv").unlink()
    picture.draw()
    assert (tmp_path / "results.png").is_file()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["float", "results.png"]


def test_curves_of_an_empty_run_are_drawn(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("step,epoch,loss\n")
    curves.draw(tmp_path / "results.csv", tmp_path / "results.png")
    assert (tmp_path / "results.png").stat().st_size > 0


def test_scores_as_table_and_document(capsys: pytest.CaptureFixture[str]) -> None:
    found = score(MATRIX)
    scores.tell(Console(), CLASSES, MATRIX, found)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["Sky", "72.0", "%", "50.0", "%"]
    assert lines[3].split() == ["Bicyclist", "-", "0.0", "%"]
    document = scores.document(CLASSES, MATRIX, found)
    assert document["iou"] == {"Sky": 90 / 125, "Road": 75 / 110, "Bicyclist": None}
    assert json.loads(json.dumps(document, allow_nan=False))["confusion_matrix"] == MATRIX.tolist()


def test_with_json_stdout_holds_one_object_only(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(machine=True)
    console.say("for a person")
    console.table(["a", "b"], [["x", "1"]])
    console.result({"file": Path("x"), "value": np.float32(0.5)})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"file": "x", "value": 0.5}
    assert "for a person" in captured.err
    Console().result({"a": 1})
    assert capsys.readouterr().out == ""


def test_progress_without_a_terminal_is_a_line_an_interval(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingProgress(Console(), interval=4) as progress:
        progress(Started("Net", 10, 0, 367, 101, ("Sky", "Road"), 2_559_126, NO_SPLIT))
        for step in range(1, 11):
            miou = 0.25 if step > 5 else None
            waits = {"data_wait": 0.123, "gpu_bytes": 3 * 2**29} if step == 8 else {"data_wait": 0.004}
            progress(StepDone(step, 10, 2.0 / step, 0.01, miou, 1.5, (10 - step) * 100.0, **waits))
        progress(Validated(10, score(MATRIX), CLASSES, best=True))
        progress(Saved(10, Path("saved/x/checkpoints/save.ckpt-10")))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["network: Net", "train dataset num: 367", "validation dataset num: 101"]
    steps = [line for line in lines if line.startswith("step ") and "/10" in line]
    assert [line.split()[1] for line in steps] == ["1/10", "4/10", "8/10", "10/10"]
    assert steps[0] == "step 1/10  loss 2.0000  mIoU -  ETA -"
    assert steps[1] == "step 4/10  loss 0.5000  mIoU -  1.50 steps/s  ETA 10:00"
    assert steps[2] == ("step 8/10  loss 0.2500  mIoU 25.0 %  1.50 steps/s  ETA 3:20  waits for data 12 %  GPU 1.5 GiB")
    assert lines[-2:] == ["step 10: validation mIoU 70.1 %, the best so far", "step 10: saved save.ckpt-10"]


@pytest.mark.parametrize(("columns", "told"), [(60, "mIoU 43.1 %"), (80, "ETA 1 d 03:26"), (100, "data 12 %")])
def test_beside_the_bar_stands_what_fits(monkeypatch: pytest.MonkeyPatch, columns: int, told: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal())
    with TrainingProgress(Console(), interval=4) as progress:
        progress(Started("Net", 45875, 0, 367, 101, ("Sky", "Road"), 2_559_126, NO_SPLIT))
        progress(StepDone(2, 45875, 2.3456, 0.01, 0.431, 1.52, 98765.0, 0.123, 3 * 2**29))
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sys.stdout.getvalue())
    (line,) = {part.strip() for part in re.split(r"[\r\n]", drawn) if "2/45875" in part}
    assert line.endswith(told)
    assert len(line) < columns
    assert "…" not in drawn


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b.txt"
    write_text(file, "old")
    with pytest.raises(RuntimeError), replacing(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == "old"
    assert [entry.name for entry in file.parent.iterdir()] == ["b.txt"]
