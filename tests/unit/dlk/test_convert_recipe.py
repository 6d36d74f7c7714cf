"""Whatever a part of the recipe of `blueoil init` teaches a network, its library is proved equal to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_network
from conversions import SharedBuild, convert

import dlk.convert
from blueoil.config import recipe
from blueoil.config.recipe import PARTS, improve
from lmnet.augmentors import AUGMENTORS, USUAL
from lmnet.datasets import open_dataset
from lmnet.datasets.sample import draw_dataset
from lmnet.export import export
from lmnet.settings import Settings
from lmnet.training import checkpoints
from lmnet.training.trainer import train

STEPS = 3
SIZE = (64, 64)


@pytest.fixture(scope="module", autouse=True)
def _tiny() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        tiny_network.use(patch)
        patch.setattr(recipe, "LEAST_CROP", 32)
        yield


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> SharedBuild:
    return SharedBuild(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("data") / "CamVid"
    draw_dataset(folder, train=4, validation=1, size=SIZE)
    return Settings(
        train_path=folder,
        validation_path=folder,
        image_size=SIZE,
        batch_size=2,
        max_steps=STEPS,
        augmentors={name: dict(AUGMENTORS[name].defaults) for name in USUAL},
    )


# What a step sees, what it makes small, what it starts from and computes with: each in one run, for a build takes long.
KINDS = (("crop_size", "augmentors"), ("weight_decay", "loss", "logit_adjustment"), ("float_start", "weight_quantizer"))


def test_every_part_is_tried() -> None:
    assert sorted(part for parts in KINDS for part in parts) == sorted(PARTS)


@pytest.mark.parametrize("parts", KINDS, ids=" ".join)
def test_what_a_part_teaches_converts_without_a_mismatch(
    parts: tuple[str, ...], answers: Settings, build: SharedBuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dlk.convert, "build", build)
    improved = improve(answers)
    settings = answers.model_copy(update={part: getattr(improved, part) for part in parts})
    result = train(settings, tmp_path / "run", report=lambda event: None)
    assert result.finished
    model, _ = checkpoints.load(tmp_path / "run" / checkpoints.FOLDER / result.last, compiled=False)
    dataset = open_dataset(settings)
    images = np.stack([dataset.validation.load(0).image])
    folder = tmp_path / "export"
    export(model, folder, settings=settings, classes=dataset.classes, images=images, experiment="e", checkpoint="c")
    equality = convert(folder).verification.equality
    assert {"x86 portable", "x86 from pixels"} <= {result.executor for result in equality}
    assert [(result.executor, result.mismatches) for result in equality if result.mismatches] == []
    assert all(result.values >= SIZE[0] * SIZE[1] * len(dataset.classes) for result in equality)
