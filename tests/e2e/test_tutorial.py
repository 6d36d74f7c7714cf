"""The tutorial as docs/tutorial.md tells it, from the answers to the picture: each line of the page runs here once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_files import write_board_files
from PIL import Image
from tutorial_page import STEPS, answers, commands, typed


def blueoil(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run one verb in a folder and expect its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "blueoil", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, f"{words}: {done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def result_of(folder: Path, *words: str) -> dict[str, Any]:
    """Run one verb with --json and return its object."""
    values: dict[str, Any] = json.loads(blueoil(folder, *words, "--json").stdout)
    return values


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset, a config, a trained and converted experiment `first`."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "answers.yaml").write_text(answers())
    blueoil(folder, *typed("dataset sample"))
    done = blueoil(folder, *typed("init"))
    assert done.stdout.splitlines()[-1] == "Next step: blueoil train -c config/camvid.py"
    done = blueoil(folder, *typed("train"), "summarise_steps=2")
    assert done.stdout.splitlines()[-1] == f"Next step: blueoil convert -e first -p save.ckpt-{STEPS}"
    boot, image = write_board_files(folder / "build")
    done = blueoil(folder, *typed("convert"), "--bitstream", str(image))
    (folder / "convert.txt").write_text(done.stdout)
    assert boot == folder / "build" / "boot", "where `make boot` puts them, found without --boot"
    return folder


@pytest.fixture(scope="module")
def converted(home: Path) -> str:
    """What the conversion told."""
    return (home / "convert.txt").read_text()


@pytest.fixture(scope="module")
def package(home: Path) -> Path:
    return home / "saved" / "first" / "export" / f"save.ckpt-{STEPS}" / "48x64" / "output"


def test_the_experiment_holds_what_it_should(home: Path) -> None:
    run = home / "saved" / "first"
    names = {path.name for path in run.iterdir()}
    assert {
        "config.py",
        "environment.json",
        "checkpoints",
        "best",
        "results.csv",
        "results.png",
        "overlays",
        "tensorboard",
    } <= names
    assert (run / "best").read_text().strip() == f"save.ckpt-{STEPS}"
    steps = [line.split(",")[0] for line in (run / "results.csv").read_text().splitlines()[1:]]
    assert steps == ["2", "4", "6"]


def test_every_executor_was_equal(home: Path, package: Path) -> None:
    record = json.loads((package.parent / "verification.json").read_text())
    assert record["passed"] is True
    again = result_of(home, *typed("verify"))
    rows = {row["executor"]: row for row in again["verification"]}
    assert {"TensorFlow graph", "x86 portable", "x86 sse2", "x86 from pixels"} <= rows.keys()
    assert [name for name in rows if name.startswith("x86 ") and name.endswith(", 2 threads")]
    ran = [row for row in rows.values() if row["verdict"] != "not run"]  # an instruction set that this machine lacks
    assert all(row["mismatches"] == 0 and row["values"] > 0 for row in ran)


def test_the_profile_names_every_layer(home: Path, package: Path) -> None:
    values = result_of(home, *typed("profile"), "--runs", "3", "--isa", "sse2")
    assert values["isa"] == "sse2"
    names = [layer["name"] for layer in values["layers"]]
    assert {f"conv{number}" for number in range(1, 12)} < set(names)
    assert all(layer["seconds"] >= 0 for layer in values["layers"])
    assert Path(home, values["page"]) == package.parent / "profile.html"
    text = (package.parent / "profile.html").read_text(encoding="utf-8")
    assert all(f">{name}</td>" in text for name in names)


def test_the_package_has_the_tutorials_tree(package: Path) -> None:
    expected = [
        "README.md",
        "fpga/preloader-mkpimage.bin",
        "fpga/soc_system.rbf",
        "models/lib/libdlk_arm.so",
        "models/lib/libdlk_fpga.so",
        "models/lib/libdlk_x86.so",
        "models/meta.yaml",
        "python/README.md",
        "python/lmnet",
        "python/requirements.txt",
        "python/run.py",
        "python/usb_camera_demo.py",
    ]
    assert [name for name in expected if not (package / name).exists()] == []


def test_what_the_board_lacks_is_named(package: Path, converted: str) -> None:
    told = [line for line in converted.splitlines() if "soc_system.dtb" in line]
    assert len(told) == 1
    assert told[0].endswith("lacks soc_system.dtb: make boot, then convert again")
    assert "`soc_system.dtb` | device tree | **missing**: `make boot`" in (package / "fpga/README.md").read_text()


def test_a_bitstream_of_a_wrong_form_stops_before_anything_is_made(home: Path) -> None:
    words = ["convert", "-e", "first", "--bitstream", "CamVid/label_colors.txt"]
    done = blueoil(home, *words, "--target", "x86,fpga", code=1)
    assert "no raw binary file of a Cyclone V" in done.stderr
    done = blueoil(home, *words, "--target", "x86", code=1)
    assert "go with the target fpga" in done.stderr


def test_the_library_scores_what_keras_scores(home: Path) -> None:
    keras, x86 = (result_of(home, *words[1:]) for words in commands("blueoil evaluate"))
    assert (keras["backend"], x86["backend"]) == ("keras", "x86")
    # TensorFlow rounds in float32 in its own order: a code at a boundary may fall the other way, the score hardly.
    assert abs(keras["mean_iou"] - x86["mean_iou"]) <= 0.005
    assert np.sum(keras["confusion_matrix"]) == np.sum(x86["confusion_matrix"]) > 0


def test_a_dataset_with_other_classes_is_refused(home: Path) -> None:
    names = home / "CamVid" / "label_colors.txt"
    before = names.read_text()
    names.write_text(before.replace("Bicyclist", "Skater"))
    try:
        done = blueoil(home, "evaluate", "-e", "first", code=1)
        assert "other classes than the checkpoint" in done.stderr
        assert "Skater" in done.stderr
    finally:
        names.write_text(before)


def test_a_checkpoint_of_another_version_is_told_as_such(home: Path) -> None:
    state = home / "saved" / "first" / "checkpoints" / f"save.ckpt-{STEPS}" / "state.json"
    before = state.read_text()
    state.write_text(json.dumps({**json.loads(before), "version": 0}))
    try:
        done = blueoil(home, "evaluate", "-e", "first", code=1)
        assert "written by another version of Blueoil" in done.stderr
        assert "received: format 0" in done.stderr
    finally:
        state.write_text(before)


def test_run_py_writes_the_overlays(home: Path, package: Path) -> None:
    (go,) = commands("cd ")
    (words,) = commands("python run.py")
    assert (home / go[1]).resolve() == (package / "python").resolve()
    subprocess.run([sys.executable, *words[1:]], cwd=home / go[1], check=True, capture_output=True)
    images = sorted((home / "CamVid" / "val").iterdir())
    for image in images:
        with Image.open(package / "python" / "output" / "images" / f"{image.stem}.png") as picture:
            assert picture.size == (64, 48)
    report = json.loads((package / "python" / "output" / "output.json").read_text())
    assert report["task"] == "IMAGE.SEMANTIC_SEGMENTATION"
    assert len(report["results"]) == len(images) == 3
    assert len(report["results"][0]["prediction"]) == 11


def test_a_changed_library_is_found(home: Path, package: Path) -> None:
    library = package / "models" / "lib" / "libdlk_x86.so"
    whole = library.read_bytes()
    library.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        done = blueoil(home, "verify", "-e", "first", code=3)
        assert "libdlk_x86.so" in done.stderr
        words = ["run.py", "--self-test", "-m", "../models/lib/libdlk_x86.so", "-c", "../models/meta.yaml"]
        assert subprocess.run([sys.executable, *words], cwd=package / "python", check=False).returncode == 3
    finally:
        library.write_bytes(whole)


def test_the_other_ends_train_and_convert(home: Path) -> None:
    ends = ["quantize_first_layer=True", "quantize_last_layer=True"]
    blueoil(home, "train", "-c", "config/camvid.py", "-e", "ends", "max_steps=2", *ends)
    values = result_of(home, "convert", "-e", "ends", "--target", "x86")
    assert all(row["mismatches"] == 0 for row in values["verification"])
    meta = (Path(home, values["output"]) / "models" / "meta.yaml").read_text()
    assert "DivideBy255" in meta


def test_a_float_network_is_refused_by_its_layers(home: Path) -> None:
    float_twin = ["network=LmSegnetV1", "float_start=0"]
    blueoil(home, "train", "-c", "config/camvid.py", "-e", "float", "max_steps=1", *float_twin)
    done = blueoil(home, "convert", "-e", "float", "--target", "x86", code=1)
    assert "conv1" in done.stderr
    assert not list((home / "saved" / "float" / "export").rglob("output"))


def test_no_line_of_the_page_is_left_out() -> None:
    verbs = ["dataset", "init", "train", "evaluate", "convert", "evaluate", "verify", "profile", "saved", "run.py"]
    assert [words[1].split("/")[0] for words in commands()] == verbs
