"""Builds by the machine's own gcc, with the options of the generated project that zig does not have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from catalogue import Build

from dlk.targets import Target

TOOLS = Path(sys.executable).parent


def gcc(*options: str) -> Build:
    """Return what builds a project like ``dlk.build.build``, with options such as DLK_SANITIZE=ON; warnings fail."""

    def build(project: Path, target: Target) -> Path:
        folder = project / "build"
        configure = [
            TOOLS / "cmake",
            "-S",
            project,
            "-B",
            folder,
            "-G",
            "Ninja",
            *(f"-D{option}" for option in options),
        ]
        compilers = ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_CXX_COMPILER=g++", f"-DCMAKE_MAKE_PROGRAM={TOOLS / 'ninja'}"]
        subprocess.run([*configure, *compilers], check=True, capture_output=True)
        built = subprocess.run([TOOLS / "cmake", "--build", folder], capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stdout
        assert "warning:" not in built.stdout, built.stdout
        return folder / target.library

    return build
