"""What a search draws, what its trials record, and what the verb makes of the records; Ray itself runs in e2e."""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from blueoil import cli
from blueoil.config.load import load
from blueoil.errors import BlueoilError
from blueoil.tuning import search, space, trial
from blueoil.tuning.space import Domain
from blueoil.tuning.trial import Record
from lmnet.metrics import Scores
from lmnet.training.events import Saved, StepDone, Validated

CONFIG = "TRAIN_PATH = 'CamVid'\nOPTIMIZER = 'Adam'\nMAX_STEPS = 40\nAUGMENTORS = {'FlipLeftRight': {}}\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OUTPUT_DIR", raising=False)
    (tmp_path / "c.py").write_text(CONFIG)
    return Path("c.py")


@pytest.mark.parametrize(
    ("word", "key", "domain"),
    [
        ("learning_rate=loguniform(1e-4, 1e-2)", "learning_rate", Domain("loguniform", (1e-4, 1e-2))),
        ("weight_decay = uniform(0,.5)", "weight_decay", Domain("uniform", (0.0, 0.5))),
        ("augmentors.Hue.value=randint(0, 20)", "augmentors.Hue.value", Domain("randint", (0, 20))),
        ("optimizer=choice(Adam, Momentum)", "optimizer", Domain("choice", ("Adam", "Momentum"))),
        ("image_size=choice([96, 128], [48, 64])", "image_size", Domain("choice", ([96, 128], [48, 64]))),
        ("quantize_first_layer=choice(yes)", "quantize_first_layer", Domain("choice", (True,))),
    ],
)
def test_words_say_what_is_searched(word: str, key: str, domain: Domain) -> None:
    assert space.parse(word) == {key: domain}


def test_a_file_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text("learning_rate: loguniform(1e-4, 1e-2)\nbatch_size: choice(4, 8)\n")
    assert space.parse(str(file)) == {
        "learning_rate": Domain("loguniform", (1e-4, 1e-2)),
        "batch_size": Domain("choice", (4, 8)),
    }
    file.write_text("learning_rate: loguniform(1e-4, 1e-2)\nbatch_size: 8\n")
    with pytest.raises(BlueoilError, match="nothing to search") as caught:
        space.parse(str(file))
    assert caught.value.where == f"{file}, line 2"


@pytest.mark.parametrize(
    "word",
    [
        "learning_rate",
        "=uniform(0, 1)",
        "x=normal(0, 1)",
        "x=uniform(1, 0)",
        "x=uniform(1)",
        "x=uniform(0, 1, 2)",
        "x=loguniform(0, 1)",
        "x=uniform(0, inf)",
        "x=randint(0, 1.5)",
        "x=choice()",
        "x=uniform(a, b)",
        "x=choice([)",
        "x=__import__('os').getcwd()",
        "x=choice(!!python/object/apply:os.getcwd [])",
    ],
)
def test_anything_else_is_refused_and_never_run(word: str) -> None:
    with pytest.raises(BlueoilError, match="nothing to search"):
        space.parse(word)


@hypothesis_settings(deadline=None, max_examples=60)
@given(st.floats(1e-6, 1e3), st.floats(1.001, 1e4), st.integers(0, 2**32 - 1))
def test_drawn_values_lie_between_the_ends_and_follow_from_the_seed(low: float, factor: float, seed: int) -> None:
    ends = (low, low * factor)
    found = {
        "a": Domain("uniform", ends),
        "b": Domain("loguniform", ends),
        "c": Domain("randint", (-2, 1)),
        "d": Domain("choice", ("x", "y")),
    }
    drawn = space.draw(found, 8, seed)
    assert all(ends[0] <= values[key] <= ends[1] for values in drawn for key in "ab")
    assert {values["c"] for values in drawn} <= {-2, -1, 0, 1}
    assert {values["d"] for values in drawn} <= {"x", "y"}
    assert space.draw(found, 3, seed) == drawn[:3]


def test_a_logarithmic_range_is_drawn_evenly_over_its_orders() -> None:
    rates = [values["r"] for values in space.draw({"r": Domain("loguniform", (1e-4, 1.0))}, 2000, seed=3)]
    assert sum(rate < 1e-2 for rate in rates) / len(rates) == pytest.approx(0.5, abs=0.04)
    whole = [values["r"] for values in space.draw({"r": Domain("randint", (0, 2))}, 300, seed=3)]
    assert set(whole) == {0, 1, 2}


def test_drawn_values_are_words_of_the_command_line(config: Path) -> None:
    values = {
        "learning_rate": 1e-05,
        "optimizer": "Momentum",
        "image_size": [96, 128],
        "augmentors.FlipLeftRight.probability": 0.25,
    }
    settings = load(config, space.words(values))
    assert (settings.learning_rate, settings.optimizer, settings.image_size) == (1e-05, "Momentum", (96, 128))
    assert settings.augmentors["FlipLeftRight"]["probability"] == 0.25


def test_the_default_space_lies_around_the_config(config: Path) -> None:
    found = space.default_space(load(config, ["learning_rate=0.003", "batch_size=1"]))
    assert found["learning_rate"] == Domain("loguniform", (0.0003, 0.03))
    assert found["batch_size"] == Domain("choice", (1, 2))
    assert space.default_space(load(config, ["weight_decay=0.02"]))["weight_decay"] == Domain(
        "loguniform", (0.002, 0.2)
    )
    assert set(found) == {"learning_rate", "weight_decay", "batch_size"}


def validated(step: int, mean_iou: float) -> Validated:
    return Validated(step, Scores(iou=[], mean_iou=mean_iou, pixel_accuracy=0.0), (), best=False)


def test_a_validation_is_told_when_its_checkpoint_is_saved(tmp_path: Path) -> None:
    told: list[Record] = []
    teller = trial.Teller(tmp_path, Record(3, {"x": 1}), told.append)
    teller(validated(5, 0.9))  # of the float twin, which is not measured
    teller.begin(10)
    teller(validated(5, 0.4))
    assert told == []
    teller(Saved(5, tmp_path))
    assert told == [Record(3, {"x": 1}, 0.4, 5, 0.5)] == [trial.read(tmp_path)]
    teller(StepDone(6, 10, 1.0, 0.1, 0.4, 1.0, 1.0))
    teller(validated(10, 0.3))
    teller.tell()
    assert told[1:] == [Record(3, {"x": 1}, 0.4, 5, 1.0)], "the best, and how far the run came"
    assert [record.state for record in told] == ["stopped", "finished"]
    teller(validated(10, 0.8))
    teller.fail("the weights are not finite")
    found = trial.read(tmp_path)
    assert found is not None
    assert (found.state, found.mean_iou, found.error) == ("failed", 0.4, "the weights are not finite")


def fake_search(ended: bool, **results: float | None):
    """Return a search whose trial N measures the value of argument ``trial_N``, None failing."""

    def run(job: Any, drawn: list[dict[str, Any]], *, parallel: int | None, told: Any) -> bool:
        for name, mean_iou in results.items():
            number = int(name.removeprefix("trial_"))
            teller = trial.Teller(job.root / str(number), Record(number, drawn[number - 1]), told)
            teller.begin(10)
            if mean_iou is None:
                teller.fail("Training has diverged")
                continue
            teller(validated(10, mean_iou))
            teller.tell()
        return ended

    return run


def test_the_best_trial_becomes_a_config(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(search, "search", fake_search(True, trial_1=0.25, trial_2=None, trial_3=0.5))
    words = ["tune", "-c", "c.py", "-e", "t", "--trials", "3", "--search", "learning_rate=loguniform(1e-4, 1e-2)"]
    assert cli.run([*words, "max_steps=50"]) == cli.OK
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "Next step: blueoil train -c saved/t/best.py"
    rows = list(csv.DictReader(Path("saved/t/results.csv").read_text().splitlines()))
    assert [(row["trial"], row["state"]) for row in rows] == [("3", "finished"), ("1", "finished"), ("2", "failed")]
    assert rows[2]["error"] == "Training has diverged"
    best = load(Path("saved/t/best.py"))
    assert best == load(config, ["max_steps=50", f"learning_rate={rows[0]['learning_rate']}"])
    assert "made by `blueoil tune`" in Path("saved/t/best.py").read_text()
    assert cli.run(words) == cli.USER_ERROR
    assert "t exists already" in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_measured(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(search, "search", fake_search(False, trial_1=0.25))
    assert cli.run(["tune", "-c", "c.py", "-e", "t", "--trials", "2", "--json"]) == cli.INTERRUPTED
    values = json.loads(capsys.readouterr().out)
    assert values["whole"] is False
    assert [(row["trial"], row["state"], row["mean_iou"]) for row in values["trials"]] == [
        (1, "finished", 0.25),
        (2, "not begun", None),
    ]
    assert load(Path(values["best"])).optimizer == "Adam"


def test_a_search_in_which_nothing_was_measured_is_an_error(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(search, "search", fake_search(True, trial_1=None))
    assert cli.run(["tune", "-c", "c.py", "--trials", "1"]) == cli.USER_ERROR
    assert "Training has diverged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "told"),
    [("learning_rat=uniform(0, 1)", "LEARNING_RATE"), ("batch_size=randint(0, 4)", "greater than 0")],
)
def test_values_that_the_config_cannot_have_are_told_before_the_first_trial(
    config: Path, capsys: pytest.CaptureFixture[str], word: str, told: str
) -> None:
    assert cli.run(["tune", "-c", "c.py", "--search", word]) == cli.USER_ERROR
    assert told in capsys.readouterr().err
    assert not Path("saved").exists()


def test_without_ray_the_extra_is_named(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert cli.run(["tune", "-c", "c.py"]) == cli.USER_ERROR
    assert "pip install '.[tune]'" in capsys.readouterr().err


def test_a_trial_that_breaks_leaves_its_reason(config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(trial, "_train", broken)
    trial.run(trial.Job(tmp_path, config, (), ()), 1, {"x": 1}, SimpleNamespace)
    record = trial.read(tmp_path / "1")
    assert record is not None
    assert (record.state, record.error) == ("failed", "ZeroDivisionError: by zero")
    assert "Traceback" in (tmp_path / "1" / "error.log").read_text()
    assert math.isclose(record.share, 0)
