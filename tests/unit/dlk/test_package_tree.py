"""The package's tree, name for name against the tutorial's, and what stands in its meta.yaml."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from packages import CLASSES, HEIGHT, PROCESSORS, WIDTH, fake_outputs, make_package, write_export

from dlk.errors import DlkError
from dlk.package import assemble

# The tutorial's listing, less what a network without the accelerator's library has not; test_package_board.py has it.
TUTORIAL = {
    "README.md",
    "models/lib/libdlk_arm.so",
    "models/lib/libdlk_x86.so",
    "models/meta.yaml",
    "python/lmnet",
    "python/README.md",
    "python/requirements.txt",
    "python/run.py",
    "python/usb_camera_demo.py",
}
BESIDE = {
    "cmake/dlk-config-version.cmake",
    "cmake/dlk-config.cmake",
    "examples/cpp/CMakeLists.txt",
    "examples/cpp/segment.cpp",
    "examples/python/segment.py",
    "include/dlk.h",
    "models/golden.npz",
    "models/minimal_graph_with_shape.pb",
    "python/motion_jpeg_server_from_camera.py",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("package"))


def test_the_tree_is_the_tutorials(package: Path) -> None:
    files = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert {name for name in files if not name.startswith("python/lmnet/")} == (TUTORIAL | BESIDE) - {"python/lmnet"}
    assert {name.rsplit(".", 1)[1] for name in files if name.startswith("python/lmnet/")} == {"py", "html"}
    assert {"python/lmnet/nnlib.py", "python/lmnet/processors/pre.py"} <= files
    assert not [path for path in package.rglob("*") if path.is_symlink() or path.name == "__pycache__"]


def test_meta_names_libraries_and_the_hash_of_every_model_file(package: Path) -> None:
    text = (package / "models/meta.yaml").read_text()
    meta = yaml.safe_load(text)
    assert "!!" not in text
    assert meta["CLASSES"] == CLASSES
    assert meta["package_version"] == 1
    assert meta["libraries"] == {"x86": "lib/libdlk_x86.so", "arm": "lib/libdlk_arm.so"}
    models = {p.relative_to(package / "models").as_posix() for p in (package / "models").rglob("*") if p.is_file()}
    assert set(meta["hashes"]) == models - {"meta.yaml"}
    for name, digest in meta["hashes"].items():
        assert hashlib.sha256((package / "models" / name).read_bytes()).hexdigest() == digest


def test_the_readme_says_when_there_is_a_folder_for_the_board(package: Path) -> None:
    lines = (package / "README.md").read_text().splitlines()
    assert [line for line in lines if line.startswith("fpga/ ")]
    assert [line for line in lines if line.startswith("FPGA: the folder `fpga/` is there with that library")]
    assert not (package / "fpga").exists()


def test_device_programs_are_plain_files_that_python_3_9_can_read(package: Path) -> None:
    for path in (package / "python").rglob("*.py"):
        assert os.access(path, os.R_OK)
        source = path.read_text()
        assert "slots=True" not in source, path
        assert "from __future__ import annotations" in source or "import" not in source, path
        assert "import UTC" not in source, path
        compile(source, str(path), "exec", dont_inherit=True, _feature_version=9)


def test_missing_parts_are_all_named(tmp_path: Path) -> None:
    export = write_export(tmp_path / "export")
    (export / "meta.yaml").unlink()
    images = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    with pytest.raises(DlkError) as caught:
        assemble(
            tmp_path / "output", export=export, libraries={"x86": tmp_path / "libdlk_x86.so"}, processors=PROCESSORS,
            images=images, outputs=fake_outputs(images),
        )  # fmt: skip
    assert "meta.yaml" in str(caught.value)
    assert "libdlk_x86.so" in str(caught.value)
    assert not (tmp_path / "output").exists()
