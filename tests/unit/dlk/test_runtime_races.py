"""ThreadSanitizer finds nothing in the pool of threads."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest
from native import gcc
from runtime_programs import PROGRAMS

from dlk.codegen import emit
from dlk.targets import TARGETS

DRIVER = Path(__file__).parent / "threads.c"
PORTABLE = dataclasses.replace(TARGETS["x86"], isas=TARGETS["x86"].isas[:1])


@pytest.mark.needs("gcc", "g++", "setarch")
def test_threads_of_two_networks_do_not_race(tmp_path: Path) -> None:
    """Every step of the branching program, two networks at a time, other numbers of threads, and forks."""
    project = tmp_path / "project"
    emit(PROGRAMS["branching"], project, PORTABLE)
    library = gcc("DLK_SANITIZE_THREAD=ON")(project, PORTABLE)
    driver = tmp_path / "threads"
    compile_driver = [
        "gcc",
        "-g",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsanitize=thread",
        f"-I{project / 'include'}",
    ]
    subprocess.run([*compile_driver, "-o", driver, DRIVER, library, "-lpthread"], check=True)
    result = subprocess.run(
        ["setarch", "-R", driver],  # its fixed shadow memory and random addresses do not go together
        env={**os.environ, "TSAN_OPTIONS": "halt_on_error=0 die_after_fork=0"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert "WARNING: ThreadSanitizer" not in result.stderr, result.stderr
    assert result.returncode == 0, result.stderr
