"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import tiny_network


@pytest.fixture(scope="module")
def tiny_module() -> Iterator[None]:
    """Train three blocks instead of eleven in all tests of a file."""
    with pytest.MonkeyPatch.context() as patch:
        tiny_network.use(patch)
        yield
