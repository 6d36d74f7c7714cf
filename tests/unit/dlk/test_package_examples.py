"""The package alone, without the repository: its CMake package and its examples, on this machine and on ARM."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import cmake
import numpy as np
import pytest
import yaml
from packages import bare_site, device_environment, save_image
from PIL import Image

from dlk.build.toolchain import environment
from dlk.targets import TARGETS

CMAKE = Path(cmake.CMAKE_BIN_DIR) / "cmake"


@pytest.fixture(scope="module")
def package(everywhere: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, alone in a folder."""
    folder = tmp_path_factory.mktemp("alone") / "output"
    shutil.copytree(everywhere / "output", folder)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for name, size in (("large", (37, 53)), ("small", (5, 3)), ("equal", (8, 8))):
        pixels = save_image(folder / f"{name}.png", height=size[0], width=size[1], seed=len(name))
        Image.fromarray(pixels).save(folder / f"{name}.ppm")
    return folder


def run(*words: object, **values: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, timeout=300, **values)


def compile_example(package: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Configure and build the example with the CMake and Ninja of this environment."""
    variables = {**environment(), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    source = package / "examples/cpp"
    done = run(CMAKE, "-G", "Ninja", "-S", source, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", *words, env=variables)
    return done if done.returncode else run(CMAKE, "--build", folder, env=variables)


def python_example(package: Path, tmp_path: Path, picture: Path) -> tuple[np.ndarray, str]:
    """Return the class map and what the Python example prints, in a bare Python."""
    site = tmp_path / "site"
    words = [package / "examples/python/segment.py", picture, tmp_path / "python.png"]
    done = run(sys.executable, "-S", "-s", *words, env=device_environment(site if site.exists() else bare_site(site)))
    assert done.returncode == 0, done.stderr
    return np.asarray(Image.open(tmp_path / "python.png")), done.stdout


@pytest.fixture(scope="module")
def program(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native")
    done = compile_example(package, folder, "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wconversion -Werror")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "segment"


native = pytest.mark.skipif(platform.machine() != "x86_64", reason="the package's library is for x86-64")


@native
@pytest.mark.needs("g++")
@pytest.mark.parametrize("name", ["large", "small", "equal"])
def test_both_examples_see_the_same_classes(
    package: Path, program: Path, pictures: Path, tmp_path: Path, name: str
) -> None:
    done = run(program, pictures / f"{name}.ppm", tmp_path / "cpp.pgm")
    assert done.returncode == 0, done.stderr
    classes, told = python_example(package, tmp_path, pictures / f"{name}.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "cpp.pgm")), classes)
    assert done.stdout == told
    meta = yaml.safe_load((package / "models/meta.yaml").read_text())
    assert [line.rsplit(" ", 1)[0] for line in told.splitlines()] == meta["CLASSES"]
    assert len(np.unique(classes)) > 1


@pytest.mark.needs("arm-linux-gnueabihf-g++", "qemu-arm")
def test_the_example_for_arm_sees_them_too(package: Path, pictures: Path, tmp_path: Path) -> None:
    chosen = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=armv7l"]
    done = compile_example(package, tmp_path / "build", *chosen, "-DCMAKE_CXX_COMPILER=arm-linux-gnueabihf-g++")
    assert done.returncode == 0, done.stdout + done.stderr
    done = run(*TARGETS["arm"].emulator, tmp_path / "build/segment", pictures / "large.ppm", tmp_path / "arm.pgm")
    assert done.returncode == 0, done.stderr
    if platform.machine() == "x86_64":
        classes, told = python_example(package, tmp_path, pictures / "large.png")
        assert np.array_equal(np.asarray(Image.open(tmp_path / "arm.pgm")), classes)
        assert done.stdout == told


@native
@pytest.mark.needs("g++")
def test_mistakes_of_the_example_are_one_sentence(program: Path, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.ppm").write_bytes((pictures / "large.ppm").read_bytes()[:500])
    (tmp_path / "huge.ppm").write_bytes(b"P6\n100000 100000\n255\n")
    for words, told in (
        ((tmp_path / "cut.ppm", tmp_path / "out"), "cut.ppm is cut short"),
        ((tmp_path / "huge.ppm", tmp_path / "out"), "has an impossible size"),
        ((pictures / "large.png", tmp_path / "out"), "is no PPM"),
        ((pictures / "large.ppm", "/no/folder/out"), "cannot write /no/folder/out"),
        ((), "usage:"),
    ):
        done = run(program, *words)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1 and told in done.stderr


def find(package: Path, folder: Path, call: str) -> subprocess.CompletedProcess[str]:
    """Run a CMake script that looks for the package and prints what dlk::dlk is."""
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(f"""
cmake_minimum_required(VERSION 3.13)
project(find NONE)
set(CMAKE_SYSTEM_PROCESSOR "${{PROCESSOR}}")
{call}
get_target_property(found dlk::dlk INTERFACE_LINK_LIBRARIES)
message(STATUS "found ${{found}} ${{dlk_VERSION}}")
""")
    variables = {**environment(), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    given = [f"-DCMAKE_PREFIX_PATH={package}", "-DPROCESSOR=armv7l"]
    return run(CMAKE, "-G", "Ninja", "-S", folder, "-B", folder / "b", *given, env=variables)


def test_cmake_finds_the_library_of_the_processor_or_the_one_asked_for(package: Path, tmp_path: Path) -> None:
    assert "found dlk::arm 1" in find(package, tmp_path / "a", "find_package(dlk REQUIRED)").stdout
    asked = find(package, tmp_path / "b", "find_package(dlk 1 REQUIRED COMPONENTS aarch64)")
    assert "found dlk::aarch64 1" in asked.stdout


def test_cmake_says_which_library_or_version_is_missing(package: Path, tmp_path: Path) -> None:
    absent = find(package, tmp_path / "a", "find_package(dlk REQUIRED COMPONENTS fpga)")
    assert absent.returncode == 1
    assert "There is no libdlk_fpga.so in" in absent.stderr
    newer = find(package, tmp_path / "b", "find_package(dlk 2 REQUIRED)")
    assert newer.returncode == 1
    assert 'compatible with requested version "2"' in " ".join(newer.stderr.split())
