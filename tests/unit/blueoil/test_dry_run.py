"""``train --dry-run``: real steps of a small network, and what is said of networks that do not convert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest

from blueoil import cli, tensorflow_start
from blueoil.config.load import load
from lmnet import networks
from lmnet.datasets import open_dataset
from lmnet.datasets.sample import draw_dataset
from lmnet.networks.blocks import Blocks
from lmnet.settings import Settings
from lmnet.training import dry_run, strategy

CONFIG = """
TRAIN_PATH = VALIDATION_PATH = "scenes"
IMAGE_SIZE = (32, 48)
BATCH_SIZE = 2
MAX_STEPS = 100
TEST_STEPS = 30
"""


def small(settings: Settings, classes: int, *, quantize: bool) -> keras.Model:
    """Return three convolutions; under the name Mixed, the second has a float kernel."""
    block = Blocks(settings, quantize)
    inputs = keras.Input((*settings.image_size, 3))
    x = block.first(inputs, "conv1", 8, 1)
    x = block(x, "conv2", 4, binary=not settings.network.startswith("Mixed"))
    return keras.Model(inputs, block.last(x, "conv3", classes, 3), name=settings.network)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OUTPUT_DIR", raising=False)
    monkeypatch.setattr(tensorflow_start, "start", lambda: None)
    for name in ("LmSegnetV1", "Mixed"):
        monkeypatch.setitem(networks.ARCHITECTURES, name, networks.Architecture(small, size_multiple=8))
    draw_dataset(tmp_path / "scenes", train=3, validation=5, size=(32, 48), seed=1)
    (tmp_path / "c.py").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def _not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the steps out."""

    def unmeasured(settings: Settings) -> dry_run.DryRun:
        dataset = open_dataset(settings)
        network = networks.build(settings, len(dataset.classes))
        other = None if settings.precision == "float32" else 0.05
        memory = dry_run.Memory(1, 2, 3, 4, on_gpu=True)
        return dry_run.DryRun(dataset, network, 100, 0, 4, 0.1, 0.2, other, 3.0, memory, 4)

    monkeypatch.setattr(dry_run, "dry_run", unmeasured)


def values_of(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert cli.run(["train", *words, "--dry-run", "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_a_run_takes_is_measured_and_nothing_is_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(home.rglob("*"))
    found = values_of(capsys, "-c", "c.py", "float_start=0.5", "crop_size=[16, 24]")
    assert sorted(home.rglob("*")) == before
    assert (found["train_images"], found["validation_images"], len(found["classes"])) == (3, 5, 11)
    assert (found["steps"], found["float_steps"], found["validations"]) == (100, 50, 4 + 2)
    assert found["total_seconds"] == pytest.approx(150 * found["step_seconds"] + 6 * found["validation_seconds"])
    assert found["step_seconds"] > 0
    assert found["float32_step_seconds"] is None, "it is the same step"
    assert found["devices"] == 1
    assert found["validation_seconds"] > 0
    shapes = {block["name"]: block["shape"] for block in found["blocks"]}
    assert shapes == {"conv1": [32, 48, 8], "conv2": [32, 48, 4], "conv3": [32, 48, 11]}
    weights = sum(block["parameters"] for block in found["blocks"]) + 2 * (8 + 4 + 11)
    memory = found["memory_bytes"]
    assert memory["weights"] == 4 * weights
    assert memory["activations"] == 2 * 16 * 24 * 4 * (3 + 3 * 8 + 3 * 4 + 2 * 11), "of the crops"
    assert memory["measured"] > 50 << 20
    assert set(found["targets"]) == {"x86", "arm", "aarch64", "fpga"}
    assert all(target["memory_bytes"]["tensors"] > 0 for target in found["targets"].values())
    assert found["targets"]["fpga"]["memory_bytes"]["device"] > 0


@pytest.mark.usefixtures("_not_run")
def test_a_network_that_does_not_convert_is_told_with_its_reason(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["train", "-c", "c.py", "--dry-run", "network=MixedQuantize"]) == cli.USER_ERROR
    told = capsys.readouterr()
    assert "arm: CANNOT be converted" in told.out
    assert told.err.count("conv2/conv: a float layer (has float weights)") == 1, "once for all targets"
    assert "Next step" not in told.out
    found = values_of(capsys, "-c", "c.py", "network=MixedQuantize", code=1)
    assert found["targets"]["x86"]["converts"] is False


@pytest.mark.usefixtures("_not_run")
def test_a_layer_that_cannot_be_exported_is_a_reason_too(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dropping(settings: Settings, classes: int, *, quantize: bool) -> keras.Model:
        network = small(settings, classes, quantize=quantize)
        return keras.Model(network.input, keras.layers.Dropout(0.5, name="drop")(network.output))

    monkeypatch.setitem(networks.ARCHITECTURES, "Mixed", networks.Architecture(dropping, size_multiple=8))
    found = values_of(capsys, "-c", "c.py", "network=MixedQuantize", code=1)
    assert "drop" in found["targets"]["x86"]["reason"]


@pytest.mark.usefixtures("_not_run")
def test_a_float_network_is_a_note_and_no_error(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "-c", "c.py", "--dry-run", "network=Mixed"]) == cli.OK
    lines = capsys.readouterr().out.splitlines()
    assert "Note: Mixed is a float network: it trains, but only its quantized twin converts." in lines
    assert not [line for line in lines if line.startswith("fpga")]
    assert "memory, measured: 0 KiB at most, tensors on the GPU" in lines
    assert "4 devices will share each batch: all this is for one that has the whole" in lines
    assert "the whole run about 32 s: 100 steps, and 4 validations" in lines
    assert lines[-1] == "Next step: blueoil train -c c.py network=Mixed"


def test_a_batch_that_the_devices_cannot_share_is_told_now(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Three(strategy.Strategy):
        devices = 3

    monkeypatch.setitem(strategy._OPEN, "tensorflow", Three)
    assert cli.run(["train", "-c", "c.py", "--dry-run"]) == cli.USER_ERROR
    assert "3 devices cannot share a batch of 2 equally" in capsys.readouterr().err


def test_another_precision_is_timed_beside_float32(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = values_of(capsys, "-c", "c.py", "precision=mixed_bfloat16")
    assert found["float32_step_seconds"] > 0
    outputs = 3 + 3 * 8 + 3 * 4 + 2 * 11
    assert found["memory_bytes"]["activations"] == 2 * 32 * 48 * 2 * outputs, "two bytes in place of four"


@pytest.mark.usefixtures("_not_run")
def test_a_precision_that_the_device_is_slow_at_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "-c", "c.py", "--dry-run", "precision=mixed_bfloat16"]) == cli.OK
    lines = capsys.readouterr().out.splitlines()
    assert "in float32 a step 0.050 s: mixed_bfloat16 is 4.0 times slower here" in lines


@pytest.mark.usefixtures("_not_run")
def test_an_experiment_is_asked_by_its_id(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from blueoil.experiment import Experiment

    Experiment(Path("saved"), "run").create(Path("c.py"), seed=1, overrides=["activation_bits=1"])
    found = values_of(capsys, "-e", "run")
    assert found["blocks"][0]["activation_bits"] == 1
    assert load(Path("c.py")).activation_bits == 2
    assert [path.name for path in Path("saved/run").iterdir()] == ["config.py", "environment.json"]
    assert cli.run(["train", "--dry-run"]) == cli.USER_ERROR
    assert "nothing to train" in capsys.readouterr().err
