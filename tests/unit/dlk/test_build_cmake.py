"""Configure and build a small project; failures, time limits and foreign flags."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from dlk.build import build, trace_program
from dlk.build.process import run_logged
from dlk.build.toolchain import cache_folder, environment
from dlk.errors import DlkError
from dlk.targets import TARGETS, Target

LISTS = """
cmake_minimum_required(VERSION 3.20)
project(small C CXX)
add_library(dlk SHARED small.cpp)
set_target_properties(dlk PROPERTIES OUTPUT_NAME dlk_@NAME@)
target_link_options(dlk PRIVATE -nostdlib++)
add_executable(dlk_trace main.c)
"""
TOOLCHAIN = """
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR any)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES DLK_ZIG)
set(CMAKE_C_COMPILER "${DLK_ZIG}" cc -target @TRIPLE@)
set(CMAKE_CXX_COMPILER "${DLK_ZIG}" c++ -target @TRIPLE@)
"""
SOURCE = """
extern "C" int dlk_answer() {
#ifdef __FAST_MATH__
  return 13;
#else
  return 42;
#endif
}
"""


def write_project(folder: Path, target: Target) -> Path:
    (folder / "CMakeLists.txt").write_text(LISTS.replace("@NAME@", target.name))
    (folder / "toolchain.cmake").write_text(TOOLCHAIN.replace("@TRIPLE@", target.triple))
    (folder / "small.cpp").write_text(SOURCE)
    (folder / "main.c").write_text("int main(void) { return 7; }\n")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path, TARGETS["x86"])


def test_builds_a_library_and_the_driver_free_of_the_shells_flags(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXXFLAGS", "-ffast-math")
    monkeypatch.setenv("CXX", "/nonexistent/c++")
    library = build(project, TARGETS["x86"], jobs=1)
    assert library.name == "libdlk_x86.so"
    assert ctypes.CDLL(str(library)).dlk_answer() == 42
    assert subprocess.run([trace_program(project)]).returncode == 7
    assert "$ " in (project / "build.log").read_text()


@pytest.mark.needs("qemu-arm")
def test_builds_for_another_machine(tmp_path: Path) -> None:
    target = TARGETS["arm"]
    project = write_project(tmp_path, target)
    library = build(project, target, jobs=1)
    assert library.read_bytes()[18] == 40
    assert subprocess.run([*target.emulator, trace_program(project)]).returncode == 7


def test_a_compile_error_shows_the_last_lines_and_the_log(project: Path) -> None:
    (project / "small.cpp").write_text("int broken( {\n")
    with pytest.raises(DlkError) as caught:
        build(project, TARGETS["x86"], jobs=1)
    assert "did not compile" in caught.value.what
    assert caught.value.where == str(project / "build.log")
    assert "small.cpp" in (caught.value.received or "")
    assert "error:" in (project / "build.log").read_text()
    assert caught.value.exit_code == 1


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DlkError, match="not a generated project"):
        build(tmp_path, TARGETS["x86"])


def test_a_program_past_its_time_is_stopped_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    child = f"import time; time.sleep(2.5); open({str(mark)!r}, 'w')"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with pytest.raises(DlkError) as caught:
        run_logged(
            [sys.executable, "-c", parent],
            log=tmp_path / "log",
            environment={},
            timeout=0.7,
            what="too slow",
            fix="wait",
        )
    assert "still running" in str(caught.value)
    time.sleep(2.5)
    assert not mark.exists()


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(DlkError) as caught:
        run_logged(["/no/such/tool"], log=tmp_path / "log", environment={}, timeout=5, what="no tool", fix="install it")
    assert caught.value.where == "/no/such/tool"


def test_the_cache_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLUEOIL_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    assert environment()["ZIG_GLOBAL_CACHE_DIR"] == str(tmp_path / "here/zig")
    assert cache_folder().stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BLUEOIL_CACHE", str(tmp_path / "file"))
    assert cache_folder() != tmp_path / "file"


def test_a_cache_that_another_user_made_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the temporary folder, where anyone can make a folder of that name, and fill it with objects."""
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("BLUEOIL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert cache_folder().parent == tmp_path
    owner = os.getuid()
    cache_folder().rename(tmp_path / f"blueoil-cache-{owner + 1}")
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(DlkError, match="no writable folder"):
        cache_folder()
