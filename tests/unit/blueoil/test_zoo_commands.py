"""A checkpoint becomes a small file, and the file becomes an experiment that every verb takes, with the same scores."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest
from lively import lively, noise, thin
from PIL import Image

from blueoil import cli, lineage, tensorflow_start
from blueoil.config.load import load
from blueoil.config.render import SECTIONS
from blueoil.console import Console
from blueoil.experiment import Experiment
from blueoil.zoo import experiment_of
from lmnet import zoo
from lmnet.datasets.sample import NAMES, draw_dataset
from lmnet.training import checkpoints
from lmnet.zoo.archive import KEPT, read, to_bytes

SIZE = (32, 40)
CONFIG = f"TRAIN_PATH = 'Streets'\nVALIDATION_PATH = 'Streets'\nIMAGE_SIZE = {SIZE}\nACTIVATION_BITS = 3\n"
Result = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Path:
    """A folder with a dataset, an experiment `run` with a checkpoint of a thin network, and its file run.npz."""
    folder = tmp_path_factory.mktemp("home")
    patch.chdir(folder)
    patch.delenv("OUTPUT_DIR", raising=False)
    patch.setattr(tensorflow_start, "start", lambda: None)
    thin(patch)
    draw_dataset(folder / "Streets", train=2, validation=2, size=SIZE, seed=1)
    (folder / "c.py").write_text(CONFIG)
    experiment = Experiment(Path("saved"), "run")
    experiment.create(Path("c.py"), seed=1)
    settings = load(Path("c.py"))
    classes = NAMES[:-1]
    state = checkpoints.CheckpointState(7, settings.network, classes, 2, None, None, None, 3600.0, 1800.0)
    checkpoints.save(lively(settings, len(classes), noise(SIZE)), experiment.folder / "checkpoints", state)
    assert cli.run(["evaluate", "-e", "run"]) == cli.OK
    assert cli.run(["zoo", "pack", "-e", "run", "-o", "run.npz", "--note", "a test"]) == cli.OK
    return folder


@pytest.fixture
def result(home: Path, capsys: pytest.CaptureFixture[str]) -> Result:
    """Run one verb with --json and return its object."""

    def run(*words: str, code: int = cli.OK) -> dict[str, Any]:
        capsys.readouterr()
        assert cli.run([*words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return run


def test_a_file_keeps_the_network_and_its_scores(home: Path, result: Result) -> None:
    archive = read(home / "run.npz")
    scores = json.loads((home / "saved/run/evaluate/save.ckpt-7_keras.json").read_text())
    assert (archive.facts.step, archive.facts.dataset, archive.facts.note) == (7, "Streets", "a test")
    assert (archive.facts.mean_iou, archive.facts.iou) == (scores["mean_iou"], scores["iou"])
    assert (archive.facts.split, archive.facts.images) == ("validation", 2)
    assert (archive.settings.image_size, archive.settings.activation_bits) == (SIZE, 3)
    assert (archive.facts.steps_before, archive.facts.seconds, archive.facts.cpu_seconds) == (0, 3600, 1800)
    packed = result("zoo", "pack", "-e", "run", "-o", "again.npz", "--note", "a test")
    assert (home / "again.npz").read_bytes() == (home / "run.npz").read_bytes()
    assert packed["bytes"] == (home / "again.npz").stat().st_size


def test_a_run_from_a_packed_network_knows_what_that_took(home: Path) -> None:
    shutil.copy(home / "run.npz", home / "first.npz")
    first = experiment_of("first.npz", Path("saved"), Console(machine=True))
    (home / "second.py").write_text(CONFIG + f"WARM_START = {str(first.checkpoint('7'))!r}\n")
    second = Experiment(Path("saved"), "second")
    second.create(Path("second.py"), seed=1)
    assert lineage.before(second.folder, second.settings()) == lineage.Effort(7, 3600, 1800)
    packed = read(home / "run.npz")
    facts = packed.facts.model_copy(update={"steps_before": 5})
    (home / "first.npz").write_bytes(to_bytes(dataclasses.replace(packed, facts=facts)))
    experiment_of("first.npz", Path("saved"), Console(machine=True))
    assert lineage.before(second.folder, second.settings()) == lineage.Effort(12, 3600, 1800)


def test_the_settings_of_a_network_are_those_that_are_kept() -> None:
    """A new setting stands in one of the sections; one that changes the network must be kept in its file."""
    of_networks = {*SECTIONS["What is learned"], *SECTIONS["Quantization"], "image_size"}
    assert set(KEPT) == of_networks - {"plugins"}, "a file keeps no code: it holds networks that Blueoil knows"


def test_the_file_scores_what_the_checkpoint_scores(home: Path, result: Result) -> None:
    known = json.loads((home / "saved/run/evaluate/save.ckpt-7_keras.json").read_text())
    found = result("evaluate", "--zoo", "run.npz", "--data", "Streets")
    assert found["experiment"] == "zoo_run"
    assert (found["checkpoint"], found["dataset"]) == ("save.ckpt-7", "Streets")
    for name in ("mean_iou", "iou", "confusion_matrix", "classes", "images"):
        assert found[name] == known[name], name
    for name in ("picture", "examples"):
        with Image.open(found[name]) as picture:
            assert picture.width > 3 * SIZE[1], name


def test_the_file_becomes_a_package_and_an_experiment_like_any_other(home: Path, result: Result) -> None:
    experiment = Experiment(Path("saved"), "zoo_run")
    found = result("convert", "--zoo", "run.npz", "--target", "x86")
    assert found["verified"]
    assert found["output"] == f"saved/zoo_run/export/save.ckpt-7/{SIZE[0]}x{SIZE[1]}/output"
    assert len(experiment.samples()) == 3
    by_library = result("evaluate", "--zoo", "run.npz", "--data", "Streets", "--backend", "x86")
    by_keras = result("evaluate", "--zoo", "run.npz", "--data", "Streets")
    assert by_library["mean_iou"] == pytest.approx(by_keras["mean_iou"], abs=0.02)
    assert result("verify", "-e", "zoo_run")["verified"]
    assert result("predict", "-e", "zoo_run", "-i", "Streets/val", "-o", "seen")["images"] == 2


@pytest.mark.needs("qonnx")
@pytest.mark.parametrize("name", ["onnx", "qonnx"])
def test_the_file_becomes_a_graph_for_other_tools(home: Path, result: Result, name: str) -> None:
    found = result("export", "--zoo", "run.npz", "--data", "Streets", "--format", name, "-o", f"run.{name}")
    assert (found["file"], found["proved"], found["images"]) == (f"run.{name}", True, 2)
    assert found["codes"] > 0
    domains = {node.domain for node in onnx.load(home / f"run.{name}").graph.node}
    assert domains == ({""} if name == "onnx" else {"", "qonnx.custom_op.general"})


def test_images_of_a_dataset_are_verified_with(home: Path, result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []

    def stop(files: list[Path], settings: object) -> None:
        seen.extend(files)
        raise KeyboardInterrupt

    monkeypatch.setattr("blueoil.exported.read_images", stop)
    result("convert", "--zoo", "run.npz", "--data", "Streets", code=cli.INTERRUPTED)
    assert seen == sorted((home / "Streets/val").iterdir())


def test_a_dataset_without_validation_list_is_split(home: Path, result: Result) -> None:
    draw_dataset(home / "Half", train=10, validation=0, size=SIZE)
    assert result("evaluate", "--zoo", "run.npz", "--data", "Half")["images"] == 1


def test_the_experiment_is_made_once_and_anew_for_another_file(home: Path, result: Result) -> None:
    made = home / "saved/zoo_other/checkpoints/save.ckpt-7/state.json"
    data = (home / "run.npz").read_bytes()
    (home / "other.npz").write_bytes(data)
    first = []
    for note in (None, None, "another"):
        if note:
            result("zoo", "pack", "-e", "run", "-o", "other.npz", "--note", note)
        result("evaluate", "--zoo", "other.npz", "--data", "Streets")
        first.append(made.stat().st_mtime_ns)
    assert first[0] == first[1] < first[2]
    assert Experiment(Path("saved"), "zoo_other").environment["zoo"]["note"] == "another"


def test_an_experiment_of_the_users_own_is_not_touched(home: Path, result: Result) -> None:
    Experiment(Path("saved"), "zoo_mine").create(Path("c.py"), seed=1)
    (home / "mine.npz").write_bytes((home / "run.npz").read_bytes())
    error = result("convert", "--zoo", "mine.npz", code=cli.USER_ERROR)["error"]
    assert "zoo_mine exists already" in error["what"]


def test_the_list_and_the_names(home: Path, result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "FOLDER", home / "nothing")
    assert result("zoo", "list") == {"networks": []}
    monkeypatch.setattr(zoo, "FOLDER", home)
    (home / "run_2.npz").write_bytes((home / "run.npz").read_bytes())
    listed = {entry["name"]: entry for entry in result("zoo", "list")["networks"]}
    assert listed["run_2"]["network"] == "LmSegnetV1Quantize"
    assert listed["run_2"]["bytes"] == (home / "run.npz").stat().st_size
    assert result("evaluate", "--zoo", "run_2", "--data", "Streets")["experiment"] == "zoo_run_2"
    error = result("convert", "--zoo", "run_3", code=cli.USER_ERROR)["error"]
    assert "run, run_2" in error["expected"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["convert"], "either an experiment"),
        (["convert", "-e", "run", "--zoo", "run.npz"], "either an experiment"),
        (["convert", "-e", "run", "--data", "Streets"], "--data goes with --zoo"),
        (["export", "-e", "run", "--data", "Streets"], "--data goes with --zoo"),
        (["export", "--zoo", "run.npz", "-o", "nowhere/run.onnx"], "the folder for the file does not exist"),
        (["evaluate"], "either an experiment"),
        (["evaluate", "-e", "run", "--data", "Streets"], "go together"),
        (["evaluate", "--zoo", "run.npz"], "go together"),
        (["evaluate", "--zoo", "run.npz", "--data", "nowhere"], "does not exist"),
        (["convert", "--zoo", "c.npz"], "no trained network c.npz"),
        (["zoo", "pack", "-e", "run", "-o", "run.zip"], "another ending"),
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_told(result: Result, words: list[str], told: str) -> None:
    assert told in result(*words, code=cli.USER_ERROR)["error"]["what"]


def test_a_checkpoint_without_scores_is_not_packed(home: Path, result: Result) -> None:
    (home / "saved/run/evaluate/save.ckpt-7_keras.json").rename(home / "kept.json")
    error = result("zoo", "pack", "-e", "run", code=cli.USER_ERROR)["error"]
    (home / "kept.json").rename(home / "saved/run/evaluate/save.ckpt-7_keras.json")
    assert error["fix"] == "blueoil evaluate -e run -p save.ckpt-7"


def test_a_damaged_file_leaves_no_experiment(home: Path, result: Result) -> None:
    (home / "bad.npz").write_bytes((home / "run.npz").read_bytes()[:-100])
    assert "bad.npz cannot be read" in result("convert", "--zoo", "bad.npz", code=cli.USER_ERROR)["error"]["what"]
    assert not (home / "saved/zoo_bad").exists()
