"""What is built once for all tests of the accelerator."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlk.verify.simulator import simulator


@pytest.fixture(scope="session")
def library() -> Path:
    """The simulated accelerator, the one that libraries are proved with."""
    return simulator()
