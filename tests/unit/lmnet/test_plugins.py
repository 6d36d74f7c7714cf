"""Plugin files: what they enter, what is refused and with which words, and what a changed file leaves behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dataset_files import settings_for
from pydantic import ValidationError

from lmnet import losses, networks, plugins
from lmnet.augmentors import AUGMENTORS, augment
from lmnet.datasets import DATASETS, open_dataset
from lmnet.errors import LmnetError
from lmnet.settings import Settings, choices

pytestmark = pytest.mark.usefixtures("forget_plugins")

MINE = """
from lmnet.augmentors import Parameter, Number
from lmnet.datasets import Dataset, Split
from lmnet.plugins import augmentor, dataset, loss, network

@network("Mine", size_multiple=4)
def mine(settings, classes, *, quantize):
    return (settings.network, classes, quantize)

@dataset("Empty")
def empty(settings):
    return Dataset(("a", "b"), Split("train", (), None), Split("validation", (), None))

@augmentor("Invert", "Turns light into dark.", Parameter("level", 255, Number(0, 255), "what becomes black"))
def invert(image, mask, rng, level):
    return level - image, mask

@augmentor("Corner", "Takes the upper left corner.", sized=True)
def corner(image, mask, rng, train_size):
    return image[: train_size[0], : train_size[1]], mask[: train_size[0], : train_size[1]]

@loss("constant")
def constant(settings, data):
    return data.classes
"""


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(text)
    return file


def test_what_a_plugin_enters_is_found_by_its_name_everywhere(tmp_path: Path) -> None:
    before = choices("network")
    plugins.load([write(tmp_path, MINE)])
    assert set(choices("network")) - set(before) == {"Mine", "MineQuantize"}
    assert "Empty" in choices("dataset_format")
    assert "constant" in choices("loss")
    values = {"network": "MineQuantize", "dataset_format": "Empty", "loss": "constant", "image_size": (20, 24)}
    settings = settings_for(tmp_path, **values)
    assert networks.build(settings, 3) == ("MineQuantize", 3, True)
    assert networks.float_twin("MineQuantize") == "Mine"
    dataset = open_dataset(settings)
    assert dataset.classes == ("a", "b")
    assert losses.build(settings, dataset) == ("a", "b")
    with pytest.raises(ValidationError, match="multiples of 4"):
        settings_for(tmp_path, network="Mine", image_size=(18, 24))


def test_an_own_augmentor_has_limits_a_label_and_the_training_size(tmp_path: Path) -> None:
    plugins.load([write(tmp_path, MINE)])
    image, mask = np.arange(75, dtype=np.uint8).reshape(5, 5, 3), np.arange(25, dtype=np.uint8).reshape(5, 5)
    chosen = {"Invert": {"level": 200}, "Corner": {}}
    changed, classes = augment(image, mask, np.random.default_rng(0), chosen, (2, 3))
    assert np.array_equal(changed, 200 - image[:2, :3])
    assert np.array_equal(classes, mask[:2, :3])
    assert AUGMENTORS["Invert"].label == "Invert(level=255)"
    with pytest.raises(LmnetError, match="a number from 0 to 255"):
        AUGMENTORS["Invert"].check({"level": 300})


def test_the_same_content_runs_once_wherever_it_lies_and_leaves_no_other_file(tmp_path: Path) -> None:
    first = write(tmp_path / "a", MINE)
    plugins.load([first])
    made = networks.ARCHITECTURES["Mine"]
    plugins.load([write(tmp_path / "b", MINE)])
    assert networks.ARCHITECTURES["Mine"] is made
    assert [file.name for file in first.parent.iterdir()] == ["mine.py"]


def test_a_changed_file_replaces_all_that_it_entered(tmp_path: Path) -> None:
    plugins.load([write(tmp_path, MINE)])
    module = sys.modules[f"{plugins.MODULE}mine"]
    plugins.load([write(tmp_path, MINE.replace('"Mine"', '"Yours"').replace('"constant"', '"other"'))])
    assert sys.modules[f"{plugins.MODULE}mine"] is not module
    assert {"Yours", "YoursQuantize"} <= set(networks.names())
    assert "Mine" not in networks.names()
    assert ("constant" in losses.LOSSES, "other" in losses.LOSSES) == (False, True)


def test_a_class_of_a_plugin_is_found_by_its_module_even_from_a_copy(tmp_path: Path) -> None:
    plugins.load([write(tmp_path / "a", "class Thing: pass\n")])
    name = sys.modules[f"{plugins.MODULE}mine"].Thing.__module__
    plugins.withdraw("mine.py")
    plugins.load([write(tmp_path / "b", "class Thing: pass\n")])
    assert sys.modules[name].Thing


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("x = 1\n\nimport nothing_such\n", 3, ["plugin mine.py stopped", "No module named 'nothing_such'"]),
        ("def f():\n    return 1 / 0\n\n\nf()\n", 2, ["ZeroDivisionError: division by zero"]),
        ("x = (1,\ny = 2\n", 1, ["SyntaxError", "never closed"]),
        ("raise SystemExit(3)\n", 1, ["SystemExit: 3"]),
        ("import json\njson.loads('x')\n", 2, ["JSONDecodeError"]),
        ("\x00", None, ["stopped with an error"]),
        (MINE.replace('"Mine"', '"LmSegnetV1"'), 6, ["the network LmSegnetV1 exists already, built in"]),
        (MINE.replace('"Mine"', '"MineQuantize"'), 6, ["cannot be called MineQuantize", '@network("Mine", ...)']),
        (MINE.replace('"Mine"', '"my net"'), 6, ["'my net' cannot be the name of a network", "letters, digits"]),
        (MINE.replace('"Invert"', '"Hue"'), 14, ["the augmentor Hue exists already"]),
        (MINE.replace('"Invert"', '"Corner"'), 18, ["Corner exists already, entered by mine.py"]),
        (MINE.replace('"Empty"', '"CamvidCustom"'), 10, ["dataset format CamvidCustom exists already"]),
        (MINE.replace('"constant"', '"weighted_crossentropy"'), 22, ["loss weighted_crossentropy exists already"]),
        (MINE.replace("rng, level)", "rng)"), 14, ["Invert cannot be called", "(image, mask, rng, level)", "invert("]),
        (MINE.replace("rng, train_size)", "rng)"), 18, ["(image, mask, rng, train_size)"]),
        (MINE.replace('"level", 255', '"level", 300'), 14, ["parameter level of augmentor Invert is not allowed"]),
    ],
)
def test_a_faulty_plugin_is_told_with_its_line_and_enters_nothing(
    tmp_path: Path, text: str, line: int | None, parts: list[str]
) -> None:
    before = [list(table) for table in (networks.ARCHITECTURES, AUGMENTORS, DATASETS, losses.LOSSES)]
    file = write(tmp_path, text)
    with pytest.raises(LmnetError) as caught:
        plugins.load([file])
    if line is not None:
        assert caught.value.where == f"{file}, line {line}"
    for part in parts:
        assert part in str(caught.value)
    assert [list(table) for table in (networks.ARCHITECTURES, AUGMENTORS, DATASETS, losses.LOSSES)] == before
    assert f"{plugins.MODULE}mine" not in sys.modules


def test_two_plugins_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LmnetError, match=r"network Mine exists already, entered by mine\.py"):
        plugins.load([write(tmp_path, MINE), write(tmp_path, MINE, "other.py")])
    with pytest.raises(ValidationError, match=r"two are called mine\.py"):
        Settings(train_path="x", plugins=("a/mine.py", "b/mine.py"))


def test_what_is_no_plugin_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(LmnetError, match=r"there is no plugin file .*none\.py"):
        plugins.load([tmp_path / "none.py"])
    with pytest.raises(LmnetError, match=r"ends in \.py"):
        plugins.load([tmp_path / "mine.txt"])


def test_names_enter_without_keras() -> None:
    code = (
        "import sys, lmnet.settings, lmnet.plugins\n"
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
