"""Shared by all tests: one that needs a program or package skips with its name, and fails in CI, where it must be."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import sys
from collections.abc import Generator, Iterator

import pytest
from made_once import MadeOnce

# One thread a process: tests run side by side on small machines, and sums in TensorFlow keep one order.
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """What is slow to make and shared by all processes of this run."""
    return MadeOnce.beside(tmp_path_factory.getbasetemp())


@pytest.fixture
def forget_plugins() -> Iterator[None]:
    """Withdraw, after a test, the plugins that ran in it."""
    yield
    from lmnet import plugins

    for name in [name for name in sys.modules if name.startswith(plugins.MODULE)]:
        plugins.withdraw(f"{name.removeprefix(plugins.MODULE)}.py")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import the tests, and TensorFlow with them, in a third less time: nothing of that is ever garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or fail in CI, a test whose program or package is absent."""
    missing = [tool for mark in item.iter_markers("needs") for tool in mark.args if not _found(tool)]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)}"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; CI must install it")
    pytest.skip(reason)


def _found(tool: str) -> bool:
    return shutil.which(tool) is not None or importlib.util.find_spec(tool) is not None
