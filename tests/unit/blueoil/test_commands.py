"""What the verbs do around the trainer and the converter, which are stood in for by fakes here."""

from __future__ import annotations

import json
import math
import shlex
import shutil
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blueoil import cli, tensorflow_start
from blueoil.commands import convert, predict
from blueoil.config.load import load
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment
from blueoil.several import Several
from lmnet.datasets import open_dataset
from lmnet.datasets.sample import draw_dataset
from lmnet.errors import LmnetError
from lmnet.settings import Settings
from lmnet.training.events import Started, StepDone, TrainingResult, Validated

Train = Callable[..., TrainingResult]


def fake_train(*, finished: bool = True, stopped_early: bool = False) -> Train:
    """Return a trainer that writes one checkpoint, or goes on from it, and learns nothing."""

    def train(
        settings: Settings, folder: Path, *, report: Callable[[Any], None], seconds: float = math.inf
    ) -> TrainingResult:
        report(Started("Net", 4, 0, 2, 2, ("Sky",), 7, open_dataset(settings).validation))
        checkpoint = folder / "checkpoints" / "save.ckpt-4"
        checkpoint.mkdir(parents=True, exist_ok=True)
        (checkpoint / "model.keras").touch()
        (checkpoint / "state.json").write_text(json.dumps({"classes": ["Sky"]}))
        (folder / "best").write_text("save.ckpt-4")
        (folder / "results.csv").write_text("step,epoch,loss\n4,0.1,2.0\n")
        return TrainingResult(4, finished, "save.ckpt-4", "save.ckpt-4", 0.5, stopped_early)

    return train


def failing_train(error: BaseException) -> Train:
    def train(*_: object, **__: object) -> TrainingResult:
        raise error

    return train


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Train], None]:
    """Current directory with dataset and config; returns a function that sets the trainer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OUTPUT_DIR", raising=False)
    monkeypatch.setattr(tensorflow_start, "start", lambda *_, **__: None)
    draw_dataset(tmp_path / "CamVid", train=2, validation=2, size=(32, 32), seed=1)
    (tmp_path / "c.py").write_text("TRAIN_PATH = 'CamVid'\nVALIDATION_PATH = 'CamVid'\nIMAGE_SIZE = (32, 32)\n")

    def install(train: Train) -> None:
        module = ModuleType("lmnet.training.trainer")
        module.train = train  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "lmnet.training.trainer", module)

    install(fake_train())
    return install


Use = Callable[[Train], None]


def test_train_ends_with_the_next_command(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "-c", "c.py", "-e", "run"]) == cli.OK
    assert capsys.readouterr().out.splitlines()[-1] == "Next step: blueoil convert -e run -p save.ckpt-4"
    folder = Path("saved/run")
    assert (folder / "config.py").read_text() == Path("c.py").read_text()
    assert (folder / "results.png").is_file()
    assert len(list((folder / "samples").iterdir())) == 2


def test_the_curves_are_drawn_at_a_validation(use: Use) -> None:
    seen: list[bool] = []

    def train(settings: Settings, folder: Path, *, report: Callable[[Any], None], **_: float) -> TrainingResult:
        result = fake_train()(settings, folder, report=report)
        report(Validated(4, SimpleNamespace(mean_iou=0.5), ("Sky",), best=True))  # type: ignore[arg-type]
        seen.append((folder / "results.png").is_file())
        return result

    use(train)
    assert cli.run(["train", "-c", "c.py", "-e", "run"]) == cli.OK
    assert seen == [True]


def test_without_an_id_the_config_and_the_time_name_the_experiment(use: Use) -> None:
    assert cli.run(["train", "-c", "c.py", "--output_dir", "elsewhere"]) == cli.OK
    (folder,) = Path("elsewhere").iterdir()
    assert folder.name.startswith("c_2")


def test_the_environment_names_the_output_folder(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTPUT_DIR", "there")
    assert cli.run(["train", "-c", "c.py", "-e", "run"]) == cli.OK
    assert Path("there/run/config.py").is_file()


def test_an_experiment_goes_on_by_its_id_alone_and_refuses_another_config(
    use: Use, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["train", "-c", "c.py", "-e", "run", "max_steps=4"]) == cli.OK
    assert cli.run(["train", "-e", "run"]) == cli.OK
    assert cli.run(["train", "-e", "run", "-c", "c.py", "max_steps=4"]) == cli.OK
    assert len(json.loads(Path("saved/run/environment.json").read_text())["starts"]) == 3
    capsys.readouterr()
    assert cli.run(["train", "-e", "run", "-c", "c.py", "max_steps=5"]) == cli.USER_ERROR
    told = capsys.readouterr().err
    assert "MAX_STEPS 5 for 4" in told
    assert "--recreate" in told


def test_recreate_starts_anew_even_from_the_stored_config(use: Use) -> None:
    assert cli.run(["train", "-c", "c.py", "-e", "run", "max_steps=4"]) == cli.OK
    Path("saved/run/left").touch()
    Path("c.py").unlink()
    assert cli.run(["train", "-e", "run", "--recreate"]) == cli.OK
    assert not Path("saved/run/left").exists()
    assert json.loads(Path("saved/run/environment.json").read_text())["overrides"] == ["max_steps=4"]


def test_what_is_changed_of_an_experiment_leaves_the_rest_of_its_words(
    use: Use, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["train", "-c", "c.py", "-e", "run", "max_steps=4", "seed=2"]) == cli.OK
    capsys.readouterr()
    assert cli.run(["train", "-e", "run", "test_steps=2"]) == cli.USER_ERROR
    assert "received: TEST_STEPS 2 for 1000\n" in capsys.readouterr().err
    assert cli.run(["train", "-e", "run", "--recreate", "max_steps=6"]) == cli.OK
    words = json.loads(Path("saved/run/environment.json").read_text())["overrides"]
    assert words == ["max_steps=4", "seed=2", "max_steps=6"]
    settings = Experiment.open(Path("saved"), "run").settings()
    assert (settings.max_steps, settings.seed) == (6, 2)


def test_a_run_that_diverges_keeps_what_it_recorded(use: Use) -> None:
    def diverging(
        settings: Settings, folder: Path, *, report: Callable[[Any], None], seconds: float = math.inf
    ) -> TrainingResult:
        report(StepDone(1, 4, 2.0, 0.1, None, 1.0, 1.0))
        (folder / "results.csv").write_text("step,epoch,loss\n1,0.1,2.0\n")
        raise LmnetError("Training has diverged")

    use(diverging)
    assert cli.run(["train", "-c", "c.py", "-e", "run"]) == cli.USER_ERROR
    assert Path("saved/run/results.csv").is_file()


def test_ctrl_c_says_how_to_go_on(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    use(fake_train(finished=False))
    assert cli.run(["train", "-c", "c.py", "-e", "run", "--output_dir", "o"]) == cli.INTERRUPTED
    assert capsys.readouterr().out.splitlines()[-1] == "To go on: blueoil train -e run --output_dir o"


def test_the_end_of_the_time_is_no_failure(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    use(fake_train(finished=False))
    assert cli.run(["train", "-c", "c.py", "-e", "run", "--minutes", "0", "--json"]) == cli.OK
    out, err = capsys.readouterr()
    assert json.loads(out)["finished"] is False
    assert err.splitlines()[-2:] == ["Stopped at step 4; the checkpoint is saved.", "To go on: blueoil train -e run"]
    assert cli.run(["train", "-e", "run", "--minutes", "60"]) == cli.INTERRUPTED, "stopped by another hand"


def test_a_process_that_helps_keeps_nothing(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    met = []
    monkeypatch.setattr(Several, "joined", lambda self: met.append(self) or nullcontext())
    words = ["--processes", "3", "--process", "2", "--coordinator", "10.0.0.1:9876"]
    assert cli.run(["train", "-c", "c.py", *words]) == cli.OK
    assert met == [Several(3, 2, "10.0.0.1:9876")]
    assert not Path("saved").exists()
    words[3] = "0"
    assert cli.run(["train", "-c", "c.py", "-e", "run", *words]) == cli.OK
    assert Path("saved/run/checkpoints/save.ckpt-4").is_dir()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--processes", "2"], "several processes need three options"),
        (["--processes", "2", "--process", "2", "--coordinator", "h:1"], "0 to 1"),
        (["--processes", "2", "--process", "1", "--coordinator", "h"], "10.0.0.1:9876"),
        (["--processes", "1"], "2"),
    ],
)
def test_options_of_processes_that_do_not_fit_are_told(
    use: Use, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert cli.run(["train", "-c", "c.py", *words]) == cli.USER_ERROR
    assert told in capsys.readouterr().err
    assert not Path("saved").exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [(LmnetError("the dataset has 1 problem"), cli.USER_ERROR), (KeyboardInterrupt(), cli.INTERRUPTED)],
)
def test_a_run_that_never_began_leaves_no_folder(use: Use, error: BaseException, code: int) -> None:
    use(failing_train(error))
    assert cli.run(["train", "-c", "c.py", "-e", "run"]) == code
    assert list(Path("saved").iterdir()) == []


def test_a_run_that_ended_early_says_so_and_goes_on_to_convert(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    use(fake_train(stopped_early=True))
    assert cli.run(["train", "-c", "c.py", "-e", "run", "early_stop=3"]) == cli.OK
    lines = capsys.readouterr().out.splitlines()
    assert "Ended early, at step 4: no better mIoU in 3 validations (EARLY_STOP)." in lines
    assert lines[-1] == "Next step: blueoil convert -e run -p save.ckpt-4"
    assert cli.run(["train", "-e", "run", "--json"]) == cli.OK
    assert json.loads(capsys.readouterr().out)["stopped_early"] is True


def test_work_on_the_float_twin_is_never_removed(use: Use) -> None:
    def stopped_at_once(settings: Settings, folder: Path, **_: object) -> TrainingResult:
        (folder / "float/checkpoints/save.ckpt-9").mkdir(parents=True)
        raise KeyboardInterrupt

    use(stopped_at_once)
    assert cli.run(["train", "-c", "c.py", "-e", "run", "float_start=1"]) == cli.INTERRUPTED
    assert Path("saved/run/float/checkpoints/save.ckpt-9").is_dir()


def test_a_later_start_that_fails_keeps_the_experiment(use: Use) -> None:
    assert cli.run(["train", "-c", "c.py", "-e", "run"]) == cli.OK
    shutil.rmtree("saved/run/checkpoints")
    use(failing_train(LmnetError("the dataset has 1 problem")))
    assert cli.run(["train", "-e", "run"]) == cli.USER_ERROR
    assert Path("saved/run/config.py").is_file()


def test_a_faulty_config_leaves_no_folder(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "-c", "c.py", "batch_size=0"]) == cli.USER_ERROR
    assert "greater than 0" in capsys.readouterr().err
    assert cli.run(["train"]) == cli.USER_ERROR
    assert cli.run(["train", "-e", "none"]) == cli.USER_ERROR
    assert not Path("saved").exists()


def test_the_next_command_can_be_pasted(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "-c", "c.py", "-e", "run", "--output_dir", "my runs"]) == cli.OK
    assert capsys.readouterr().out.splitlines()[-1].endswith("-p save.ckpt-4 --output_dir 'my runs'")
    assert cli.run(["evaluate", "-e", "run", "--backend", "x86", "--output_dir", "my runs"]) == cli.USER_ERROR
    assert capsys.readouterr().err.rstrip().endswith("blueoil convert -e run -p save.ckpt-4 --output_dir 'my runs'")
    assert cli.run(["dataset", "sample", "my data", "--train", "2", "--validation", "1", "--size", "32x32"]) == cli.OK
    line = capsys.readouterr().out.splitlines()[-1].removeprefix("Next step: blueoil ")
    assert cli.run(shlex.split(line)) == cli.OK
    assert load(Path("config/sample.py")).train_path == Path("my data")


def test_train_with_json(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "-c", "c.py", "-e", "run", "--json"]) == cli.OK
    values = json.loads(capsys.readouterr().out)
    assert values["checkpoint"] == "save.ckpt-4"
    assert values["mean_iou"] == 0.5


def test_the_dataset_verbs(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["dataset", "sample", "d", "--train", "3", "--validation", "2", "--size", "32x48"]) == cli.OK
    assert cli.run(["dataset", "check", "d"]) == cli.OK
    assert "3 training and 2 validation images, no fault found" in capsys.readouterr().out
    assert cli.run(["dataset", "check", "-c", "c.py", "--json"]) == cli.OK
    assert json.loads(capsys.readouterr().out)["train"] == 2
    assert cli.run(["dataset", "sample", "d"]) == cli.USER_ERROR
    assert cli.run(["dataset", "sample", "e", "--size", "32"]) == cli.USER_ERROR
    Path("d/train/street_00001.png").unlink()
    assert cli.run(["dataset", "check", "d"]) == cli.USER_ERROR
    capsys.readouterr()
    assert cli.run(["dataset", "check", "no where"]) == cli.USER_ERROR
    assert "blueoil dataset sample 'no where'" in capsys.readouterr().err


def test_images_are_known_by_content(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "b.dat", format="PNG")
    Image.new("RGB", (4, 4)).save(tmp_path / "a", format="JPEG")
    (tmp_path / "c.png").write_text("no picture")
    (tmp_path / "sub").mkdir()
    assert [file.name for file in predict.find_images(tmp_path)] == ["a", "b.dat"]
    Image.new("RGB", (4, 4)).save(tmp_path / "b.png")
    with pytest.raises(BlueoilError, match="same name"):
        predict.find_images(tmp_path)
    assert predict.find_images(tmp_path / "a") == [tmp_path / "a"]
    for wrong in ("sub", "c.png"):
        with pytest.raises(BlueoilError, match="no image"):
            predict.find_images(tmp_path / wrong)


def test_predict_writes_masks_overlaps_json_and_outputs(
    use: Use, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["train", "-c", "c.py", "-e", "run", "batch_size=2"]) == cli.OK
    for number in range(3):
        Path("in").mkdir(exist_ok=True)
        Image.new("RGB", (40, 20), (255, 0, 0)).save(f"in/{number}.png")
    runner = SimpleNamespace(load=lambda folder, settings: lambda pixels: np.ones((32, 32, 1), np.float32))
    monkeypatch.setitem(sys.modules, "lmnet.evaluation.keras_runner", runner)
    assert cli.run(["predict", "-i", "in", "-o", "out", "-e", "run"]) == cli.OK
    found = sorted(str(file.relative_to("out")) for file in Path("out").rglob("*") if file.is_file())
    images = [f"images/{kind}/{number}.png" for kind in ("mask", "overlap") for number in range(3)]
    assert found == [*images, "json/0.json", "json/1.json", "npy/0.npy", "npy/1.npy"]
    assert np.load("out/npy/0.npy").shape == (2, 32, 32, 1)
    document = json.loads(Path("out/json/1.json").read_text())
    assert document["task"] == "IMAGE.SEMANTIC_SEGMENTATION"
    assert [result["file_path"] for result in document["results"]] == ["in/2.png"]
    with Image.open("out/images/overlap/0.png") as picture:
        assert picture.size == (40, 20)


def test_targets_are_named_with_commas() -> None:
    assert convert.parse_targets("x86, arm,x86,fpga") == ("x86", "arm", "fpga")
    with pytest.raises(BlueoilError, match="x86, arm, aarch64, fpga"):
        convert.parse_targets("x87")
    with pytest.raises(BlueoilError, match="no target is named"):
        convert.parse_targets(" ,")


def test_the_fpga_is_left_out_only_where_nobody_asked_for_it() -> None:
    def optional(*words: str) -> tuple[str, ...]:
        return convert.optional_targets(convert.command.make_context("convert", ["-e", "run", *words]))

    assert optional() == ("fpga",)
    assert optional("--target", "x86,fpga") == ()


def test_evaluating_a_library_before_converting_says_what_to_type(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "-c", "c.py", "-e", "run"]) == cli.OK
    for words in (["evaluate", "--backend", "x86"], ["evaluate", "--backend", "onnx"], ["verify"], ["profile"]):
        assert cli.run([*words, "-e", "run"]) == cli.USER_ERROR
        assert "fix: blueoil convert -e run -p save.ckpt-4" in capsys.readouterr().err


def test_an_image_size_must_fit_the_network(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "-c", "c.py", "-e", "run"]) == cli.OK
    assert cli.run(["convert", "-e", "run", "--image_size", "33", "32"]) == cli.USER_ERROR
    assert "multiples of 8" in capsys.readouterr().err
