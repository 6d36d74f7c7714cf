"""What `blueoil init` writes beside the answers, and that the tutorial stays what it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from blueoil import cli
from blueoil.config.load import load
from blueoil.config.recipe import PARTS, improve, reason
from blueoil.config.render import render
from lmnet.settings import Settings

CHOSEN = {name: {"value": (0.75, 1.25)} for name in ("Brightness", "Hue")}
ANSWERS = Settings(train_path=Path("CamVid"), image_size=(360, 480), augmentors=CHOSEN)


def test_every_part_changes_what_the_answers_gave_and_gives_its_reason_in_the_file() -> None:
    improved = improve(ANSWERS)
    changed = {field for field in Settings.model_fields if getattr(improved, field) != getattr(ANSWERS, field)}
    assert changed == PARTS.keys()
    text = render(improved, name="camvid", suffix=".py")
    assert text.count("# Why: ") == len(PARTS)
    for part in PARTS.values():
        assert part.why in text


def test_the_values_are_those_that_were_measured() -> None:
    improved = improve(ANSWERS)
    assert improved.crop_size == (192, 256)
    assert list(improved.augmentors) == ["RandomScaleCrop", "Brightness", "Hue"]
    assert improved.augmentors["Brightness"] == {"value": (0.6, 1.4)}
    assert improved.augmentors["Hue"] == CHOSEN["Hue"]
    assert (improved.loss, improved.weight_decay) == ("weighted_crossentropy", 0.02)
    assert improved.logit_adjustment == 0.5
    assert (improved.float_start, improved.weight_quantizer) == (1.0, "binary_channel_wise_mean_scaling")


def test_a_part_that_has_no_use_is_left_out() -> None:
    assert improve(ANSWERS.model_copy(update={"augmentors": {}})).augmentors == {}
    assert improve(ANSWERS.model_copy(update={"image_size": (128, 128)})).crop_size is None
    floats = improve(ANSWERS.model_copy(update={"network": "LmUnetV1"}))
    assert (floats.float_start, floats.weight_quantizer) == (0.0, "binary_mean_scaling")
    assert floats.loss == "weighted_crossentropy"


def test_a_value_of_the_users_own_has_no_reason() -> None:
    improved = improve(ANSWERS)
    assert reason("float_start", improved) == PARTS["float_start"].why
    assert reason("float_start", improved.model_copy(update={"float_start": 0.5})) == ""
    assert reason("seed", improved) == ""
    own = improved.augmentors | {"RandomScaleCrop": {"scale": (0.5, 2.0)}}
    assert reason("augmentors", improved) == PARTS["augmentors"].why
    assert reason("augmentors", improved.model_copy(update={"augmentors": own})) == ""


@pytest.mark.parametrize("suffix", [".py", ".yaml"])
def test_init_writes_the_recipe_or_exactly_the_tutorial(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--defaults", "image_size=360x480"]
    assert cli.run(["init", "-o", f"a{suffix}", *words]) == cli.OK
    assert cli.run(["init", "-o", f"b{suffix}", *words, "--recipe", "tutorial"]) == cli.OK
    measured, tutorial = load(tmp_path / f"a{suffix}"), load(tmp_path / f"b{suffix}")
    assert measured == improve(tutorial) != tutorial
    assert (tutorial.crop_size, tutorial.float_start, tutorial.weight_decay) == (None, 0.0, 0.0)
    assert (tutorial.loss, tutorial.weight_quantizer) == ("class_balanced_crossentropy", "binary_mean_scaling")
    assert "# Why: " not in (tmp_path / f"b{suffix}").read_text(encoding="utf-8")
