"""run.py as a user on a device meets it: a bare Python, the real package, right and wrong uses."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from fake_library import compile_fake
from packages import CLASSES, HEIGHT, WIDTH, bare_site, change_meta, make_package, run_device, save_image
from PIL import Image

from dlk.build.toolchain import environment, zig
from lmnet.processors.overlay import overlay
from lmnet.processors.palette import class_colors
from lmnet.processors.post import class_map
from lmnet.processors.pre import PRE_PROCESSORS, resize


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("device")
    return make_package(folder), bare_site(folder / "site")


@pytest.fixture
def package(shared: tuple[Path, Path], tmp_path: Path) -> Path:
    shutil.copytree(shared[0], tmp_path / "output")
    return tmp_path / "output"


def run(
    package: Path, site: Path, *arguments: object, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return run_device(package / "python" / "run.py", site, *arguments, cwd=cwd, **variables)


def expected_classes(pixels: np.ndarray) -> np.ndarray:
    values = PRE_PROCESSORS["PerImageStandardization"](resize(pixels, (HEIGHT, WIDTH)))
    channels = np.arange(len(CLASSES))
    return class_map(values[..., channels % 3] + np.float32(0.25) * channels.astype(np.float32))


def test_the_tutorials_command_writes_overlay_mask_and_json(
    package: Path, shared: tuple[Path, Path], tmp_path: Path
) -> None:
    pixels = save_image(tmp_path / "street.png")
    result = run(
        package, shared[1], "-i", tmp_path / "street.png", "-m", "../models/lib/libdlk_x86.so",
        "-c", "../models/meta.yaml", "--trial", 3, "--json",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    written = package / "python" / "output"
    assert sorted(p.name for p in (written / "images").iterdir()) == ["street.png", "street_mask.png"]
    classes = expected_classes(pixels)
    colors = class_colors(CLASSES)
    assert np.array_equal(np.asarray(Image.open(written / "images/street.png")), overlay(pixels, classes, colors))
    mask = np.asarray(Image.open(written / "images/street_mask.png"))
    assert mask.shape[0] >= 30 and mask.shape[1] > 40
    assert np.array_equal(mask[0, 0], colors[classes[0, 0]])
    document = json.loads((written / "output.json").read_text())
    assert document["version"] == 0.2
    assert document["task"] == "IMAGE.SEMANTIC_SEGMENTATION"
    assert [entry["name"] for entry in document["classes"]] == CLASSES
    prediction = document["results"][0]["prediction"]
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(prediction[2]["mask"]))))
    assert decoded.shape == (30, 40)
    assert decoded[0, 0] == 255 * (classes[0, 0] == 2)
    assert document["benchmark"]["trials"] == 3
    assert document["benchmark"]["run"]["mean"] > 0
    assert "Benchmark avg result(sec) for 3 trials" in result.stderr
    assert json.loads(result.stdout)["total"]["mean"] >= document["benchmark"]["run"]["mean"]


def test_a_folder_is_run_whole_and_names_do_not_collide(
    package: Path, shared: tuple[Path, Path], tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for name in ("a.png", "a.jpg", "a_mask.png", "notes.txt"):
        if name == "notes.txt":
            (images / name).write_text("not an image")
        else:
            save_image(images / name)
    result = run(package, shared[1], "-i", images, "-o", tmp_path / "results")
    assert result.returncode == 0, result.stderr
    assert len(list((tmp_path / "results/images").iterdir())) == 6
    assert len(json.loads((tmp_path / "results/output.json").read_text())["results"]) == 3


def test_a_bad_image_in_a_folder_is_named_and_the_others_are_done(
    package: Path, shared: tuple[Path, Path], tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    save_image(images / "a.png")
    save_image(images / "c.png")
    (images / "b.png").write_bytes((images / "a.png").read_bytes()[:300])
    result = run(package, shared[1], "-i", images, "-o", tmp_path / "results")
    assert result.returncode == 1
    assert result.stderr.count("error:") == 1
    assert "b.png" in result.stderr.splitlines()[-1]
    assert (tmp_path / "results/images/c.png").is_file()


def old_library(package: Path, folder: Path) -> Path:
    """A library that cannot be told how many threads to use, known to the package."""
    path = compile_fake(folder / "old.so", height=HEIGHT, width=WIDTH, classes=len(CLASSES), threads=False)
    change_meta(package, sums=[path])
    return path


EVIL = """
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void run(void) { fclose(fopen(getenv("EVIL"), "w")); }
"""

MISTAKES = {
    "no input": (lambda p, t: None, [], "say what to segment"),
    "wrong option": (lambda p, t: None, ["--nonsense"], "--nonsense"),
    "trial 0": (lambda p, t: None, ["-i", "{image}", "--trial", "0"], "--trial"),
    "threads 0": (lambda p, t: None, ["-i", "{image}", "--threads", "0"], "--threads takes a number from 1 to 64"),
    "threads 65": (lambda p, t: None, ["-i", "{image}", "--threads", "65"], "--threads takes a number from 1 to 64"),
    "threads in words": (lambda p, t: None, ["-i", "{image}", "--threads", "two"], "--threads"),
    "too many threads": (lambda p, t: None, ["-i", "{image}", "--threads", "60"], "could not start 60 threads"),
    "threads of a library without": (
        lambda p, t: old_library(p, t),
        ["-i", "{image}", "-m", "{tmp}/old.so", "--threads", "2"],
        "no way to run on 2 threads",
    ),
    "missing image": (lambda p, t: None, ["-i", "/no/image.png"], "/no/image.png"),
    "empty folder": (lambda p, t: (t / "empty").mkdir(), ["-i", "{tmp}/empty"], "holds no image"),
    "truncated image": (
        lambda p, t: (t / "bad.png").write_bytes((t / "street.png").read_bytes()[:200]),
        ["-i", "{tmp}/bad.png"],
        "bad.png",
    ),
    "text as image": (lambda p, t: (t / "bad.png").write_text("hello"), ["-i", "{tmp}/bad.png"], "bad.png"),
    "foreign library": (
        lambda p, t: None,
        ["-i", "{image}", "-m", "../models/lib/libdlk_arm.so"],
        "built for arm, and this is x86_64; use libdlk_x86.so",
    ),
    "missing library": (lambda p, t: None, ["-i", "{image}", "-m", "/no/lib.so"], "/no/lib.so"),
    "truncated library": (
        lambda p, t: (t / "cut.so").write_bytes((p / "models/lib/libdlk_x86.so").read_bytes()[:1500]),
        ["-i", "{image}", "-m", "{tmp}/cut.so"],
        "cut short",
    ),
    "library of another package": (
        lambda p, t: compile_fake(t / "other.so", height=HEIGHT, width=WIDTH, classes=len(CLASSES), step=0.5),
        ["-i", "{image}", "-m", "{tmp}/other.so"],
        "other.so was not loaded: its SHA-256 is not in",
    ),
    "no hashes": (lambda p, t: change_meta(p, hashes={}), ["-i", "{image}"], "lists no SHA-256 sums"),
    "changed graph": (
        lambda p, t: (p / "models/minimal_graph_with_shape.pb").write_bytes(b"another graph"),
        ["-i", "{image}", "-m", "../models/minimal_graph_with_shape.pb"],
        "was not loaded: its SHA-256",
    ),
    "other suffix": (lambda p, t: None, ["-i", "{image}", "-m", "model.onnx"], "neither a library"),
    "graph without TensorFlow": (
        lambda p, t: None,
        ["-i", "{image}", "-m", "../models/minimal_graph_with_shape.pb"],
        "needs TensorFlow",
    ),
    "missing meta": (lambda p, t: None, ["-i", "{image}", "-c", "/no/meta.yaml"], "/no/meta.yaml"),
    "bad yaml": (lambda p, t: (t / "bad.yaml").write_text("a: [1"), ["-i", "{image}", "-c", "{tmp}/bad.yaml"], "YAML"),
    "yaml with objects": (
        lambda p, t: (t / "bad.yaml").write_text("a: !!python/object/apply:os.system ['touch pwned']"),
        ["-i", "{image}", "-c", "{tmp}/bad.yaml"],
        "YAML",
    ),
    "other task": (lambda p, t: change_meta(p, TASK="IMAGE.CLASSIFICATION"), ["-i", "{image}"], "TASK"),
    "no size": (lambda p, t: change_meta(p, IMAGE_SIZE="360x480"), ["-i", "{image}"], "IMAGE_SIZE"),
    "other size": (lambda p, t: change_meta(p, IMAGE_SIZE=[8, 8]), ["-i", "{image}"], "different networks"),
    "other classes": (lambda p, t: change_meta(p, CLASSES=["a"]), ["-i", "{image}"], "different networks"),
    "other processor": (
        lambda p, t: change_meta(p, PRE_PROCESSOR=["LetterBoxes"]),
        ["-i", "{image}"],
        "PRE_PROCESSOR",
    ),
    "output is a file": (
        lambda p, t: (t / "file").write_text(""),
        ["-i", "{image}", "-o", "{tmp}/file"],
        "cannot make",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_mistake_is_one_sentence_and_status_1(
    mistake: str, package: Path, shared: tuple[Path, Path], tmp_path: Path
) -> None:
    prepare, arguments, told = MISTAKES[mistake]
    save_image(tmp_path / "street.png")
    prepare(package, tmp_path)
    given = [argument.format(tmp=tmp_path, image=tmp_path / "street.png") for argument in arguments]
    result = run(package, shared[1], *given)
    assert result.returncode == 1, result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert told in errors[0]
    assert "Traceback" not in result.stderr
    assert not (package / "python/output/output.json").exists()


def test_the_number_of_threads_is_the_option_then_the_variable_then_the_cpus(
    package: Path, shared: tuple[Path, Path], tmp_path: Path
) -> None:
    save_image(tmp_path / "street.png")

    def threads(*arguments: object, **variables: str) -> int:
        result = run(package, shared[1], "-i", tmp_path / "street.png", "--json", *arguments, **variables)
        assert result.returncode == 0, result.stderr
        number = json.loads(result.stdout)["threads"]
        assert json.loads((package / "python/output/output.json").read_text())["benchmark"]["threads"] == number
        assert f"trials on {number} thread" in result.stderr
        return int(number)

    assert threads("--threads", 3, DLK_NUM_THREADS="5") == 3
    assert threads("--threads", 1) == 1
    assert threads(DLK_NUM_THREADS="5") == 5
    assert threads(DLK_NUM_THREADS="") == threads() == min(len(os.sched_getaffinity(0)), 64)
    assert threads("-m", old_library(package, tmp_path), DLK_NUM_THREADS="5") == 1
    assert threads("-m", tmp_path / "old.so", "--threads", 1) == 1


def test_a_wrong_variable_is_told_and_an_option_overrules_it(
    package: Path, shared: tuple[Path, Path], tmp_path: Path
) -> None:
    save_image(tmp_path / "street.png")
    result = run(package, shared[1], "-i", tmp_path / "street.png", DLK_NUM_THREADS="many")
    assert result.returncode == 1
    assert result.stderr.splitlines() == ["error: DLK_NUM_THREADS takes a number from 1 to 64, and it is many"]
    assert run(package, shared[1], "--self-test", "--threads", 2, DLK_NUM_THREADS="many").returncode == 0


def test_a_missing_requirement_is_told_with_its_cure(package: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run(package, tmp_path / "empty", "--self-test")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"pip install -r {package / 'python' / 'requirements.txt'}" in result.stderr


def test_the_self_test_passes_on_a_whole_package(package: Path, shared: tuple[Path, Path]) -> None:
    result = run(package, shared[1], "--self-test", "--json", "--threads", 2)
    assert result.returncode == 0, result.stderr
    assert "on 2 threads" in result.stderr
    assert json.loads(result.stdout)["threads"] == 2
    assert json.loads(result.stdout)["values"] == 2 * HEIGHT * WIDTH * len(CLASSES)
    (package / "models/lib/libdlk_arm.so").unlink()
    assert run(package, shared[1], "--self-test").returncode == 0


def test_a_library_that_was_swapped_is_refused_before_a_line_of_it_runs(
    package: Path, shared: tuple[Path, Path], tmp_path: Path
) -> None:
    library = package / "models/lib/libdlk_x86.so"
    (tmp_path / "evil.c").write_text(EVIL)
    flags = ["-target", "x86_64-linux-gnu.2.17", "-shared", "-fPIC", "-O1"]
    subprocess.run([zig(), "cc", *flags, tmp_path / "evil.c", "-o", library], env=environment(), check=True)
    save_image(tmp_path / "street.png")
    asked = ("-i", tmp_path / "street.png")
    result = run(package, shared[1], *asked, EVIL=str(tmp_path / "pwned"))
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {library} was not loaded: its SHA-256 is not in")
    assert not (tmp_path / "pwned").exists()
    assert run(package, shared[1], "--self-test", EVIL=str(tmp_path / "pwned")).returncode == 3
    assert not (tmp_path / "pwned").exists()
    change_meta(package, sums=[library])
    assert run(package, shared[1], *asked, EVIL=str(tmp_path / "pwned")).returncode == 1
    assert (tmp_path / "pwned").exists(), "the library that was swapped does run when its sum is known"


def test_the_self_test_finds_a_changed_library(package: Path, shared: tuple[Path, Path]) -> None:
    library = package / "models/lib/libdlk_x86.so"
    data = bytearray(library.read_bytes())
    data[len(data) // 2] ^= 1
    library.write_bytes(data)
    result = run(package, shared[1], "--self-test")
    assert result.returncode == 3
    assert "libdlk_x86.so" in result.stderr and "SHA-256" in result.stderr


def test_the_self_test_finds_one_changed_golden_bit(package: Path, shared: tuple[Path, Path]) -> None:
    golden = package / "models/golden.npz"
    with np.load(golden) as file:
        images, outputs = file["images"], file["outputs"].copy()
    outputs.view(np.uint32)[1, 3, 4, 2] ^= 1
    np.savez_compressed(golden, images=images, outputs=outputs)
    result = run(package, shared[1], "--self-test")
    assert result.returncode == 3
    assert "SHA-256" in result.stderr
    change_meta(package, sums=[golden])
    result = run(package, shared[1], "--self-test")
    assert result.returncode == 3
    assert "golden image 1 differs in 1 of 768 values, first at (3, 4, 2)" in result.stderr
