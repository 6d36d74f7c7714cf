"""What is built once for all tests of the accelerator."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlk.build.toolchain import cache_folder
from dlk.hw.sim.build import build


@pytest.fixture(scope="session")
def library() -> Path:
    """The simulated accelerator, built where the sources changed."""
    return build(cache_folder() / "hw")
