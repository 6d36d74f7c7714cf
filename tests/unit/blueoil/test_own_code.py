"""Plugins on the command line: found, copied into the experiment, and run from there ever after."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from blueoil import cli
from blueoil.experiment import Experiment
from lmnet import networks, plugins
from lmnet.datasets import open_dataset
from lmnet.datasets.sample import draw_dataset
from lmnet.settings import Settings
from lmnet.training.events import Started, TrainingResult

pytestmark = pytest.mark.usefixtures("forget_plugins")

NETWORK = """
from lmnet.plugins import network

@network("{name}", size_multiple={multiple})
def build(settings, classes, *, quantize):
    ...
"""
CONFIG = "TRAIN_PATH = VALIDATION_PATH = 'CamVid'\nIMAGE_SIZE = (32, 32)\n"
COPY = Path("saved/run/plugins/mine.py")


def plugin(file: str, name: str = "Mine", multiple: int = 2) -> Path:
    Path(file).write_text(NETWORK.format(name=name, multiple=multiple))
    return Path(file)


def settings_later() -> Settings:
    """Return the settings of the experiment as a later process sees them."""
    for file in ("mine.py", "more.py"):
        plugins.withdraw(file)
    return Experiment.open(Path("saved"), "run").settings()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Current directory with dataset, config c.py, plugin mine.py, and a trainer that learns nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OUTPUT_DIR", raising=False)
    monkeypatch.setattr("blueoil.tensorflow_start.start", lambda **_: None)
    draw_dataset(tmp_path / "CamVid", train=2, validation=2, size=(32, 32), seed=1)
    (tmp_path / "c.py").write_text(CONFIG)
    plugin("mine.py")

    def train(settings: Settings, folder: Path, *, report: Callable[[Any], None], **_: float) -> TrainingResult:
        report(Started(settings.network, 4, 0, 2, 2, ("Sky",), 7, open_dataset(settings).validation))
        checkpoint = folder / "checkpoints" / "save.ckpt-4"
        checkpoint.mkdir(parents=True, exist_ok=True)
        (checkpoint / "model.keras").touch()
        (checkpoint / "state.json").write_text(json.dumps({"classes": ["Sky"]}))
        return TrainingResult(4, True, "save.ckpt-4", None, None)

    module = ModuleType("lmnet.training.trainer")
    module.train = train  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lmnet.training.trainer", module)


def train(*words: str) -> int:
    return cli.run(["train", "-e", "run", *words])


def test_an_experiment_keeps_its_plugin_and_needs_the_original_no_more() -> None:
    assert train("-c", "c.py", "--plugin", "mine.py", "network=MineQuantize") == cli.OK
    assert COPY.read_text() == Path("mine.py").read_text()
    Path("mine.py").unlink()
    settings = settings_later()
    assert (settings.network, settings.plugins) == ("MineQuantize", (Path("mine.py"),))
    plugins.withdraw("mine.py")
    assert train() == cli.OK
    assert cli.run(["evaluate", "-e", "run", "--backend", "x86"]) == cli.USER_ERROR  # not converted: it came that far


def test_a_changed_original_is_noted_and_not_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert train("-c", "c.py", "--plugin", "mine.py", "network=Mine") == cli.OK
    assert "has changed" not in capsys.readouterr().err
    plugin("mine.py", multiple=16)
    settings_later()
    assert networks.ARCHITECTURES["Mine"].size_multiple == 2
    assert train("-c", "c.py", "--plugin", "mine.py", "network=Mine") == cli.OK
    assert networks.ARCHITECTURES["Mine"].size_multiple == 2
    assert "mine.py has changed since the experiment began" in capsys.readouterr().err


def test_plugins_of_the_config_and_of_the_command_line_run_together(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.py").write_text(f"{CONFIG}PLUGINS = 'mine.py'\nNETWORK = 'Yours'\n")
    plugin("more.py", "Yours")
    assert train("-c", "c.py", "--plugin", "more.py", "--plugin", "mine.py") == cli.OK
    assert sorted(file.name for file in COPY.parent.iterdir()) == ["mine.py", "more.py"]
    assert settings_later().plugins == (Path("mine.py"), Path("more.py"))
    assert train("-c", "c.py", "--plugin", "more.py") == cli.OK
    capsys.readouterr()
    assert train("-c", "c.py") == cli.USER_ERROR
    assert "PLUGINS" in capsys.readouterr().err


def test_recreate_takes_the_new_file_with_a_config_and_the_copy_without(capsys: pytest.CaptureFixture[str]) -> None:
    assert train("-c", "c.py", "--plugin", "mine.py", "network=Mine") == cli.OK
    plugin("mine.py", multiple=16)
    assert train("--recreate") == cli.OK
    assert networks.ARCHITECTURES["Mine"].size_multiple == 2
    assert "size_multiple=2" in COPY.read_text()
    assert train("-c", "c.py", "--plugin", "mine.py", "network=Mine", "--recreate") == cli.OK
    assert "size_multiple=16" in COPY.read_text()
    Path("mine.py").write_text("1 / 0\n")
    assert train("-c", "c.py", "--plugin", "mine.py", "network=Mine", "--recreate") == cli.USER_ERROR
    assert "size_multiple=16" in COPY.read_text()


def test_a_plugin_that_cannot_run_leaves_no_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.py").write_text("import nothing_such\n")
    assert train("-c", "c.py", "--plugin", "mine.py") == cli.USER_ERROR
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "Error: the plugin mine.py stopped with an error"
    assert told[1] == "  where: mine.py, line 1"
    assert train("-c", "c.py", "--plugin", "none.py") == cli.USER_ERROR
    assert "there is no plugin file none.py" in capsys.readouterr().err
    assert not Path("saved").exists()


def test_without_its_plugin_a_network_is_unknown_and_one_without_needs_no_folder(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert train("-c", "c.py", "network=Mine") == cli.USER_ERROR
    assert "one of LmSegnetV1Quantize" in capsys.readouterr().err
    assert train("-c", "c.py") == cli.OK
    assert not COPY.parent.exists()
    shutil.rmtree("saved")
    Path("d.py").write_text(f"{CONFIG}PLUGINS = ['mine.py']\n")
    assert cli.run(["dataset", "check", "-c", "d.py"]) == cli.OK
    assert "Mine" in networks.names()
