"""Starts Keras, on TensorFlow or on the backend that the user has chosen, without their notes on the console."""

from __future__ import annotations

import gc
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from blueoil.errors import BlueoilError

_NOTE = re.compile(rb"I\d{4} |WARNING: All log messages before absl::InitializeLog")
"""A line that is no warning: of severity I, or the headline of such lines."""

ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "KERAS_BACKEND": "tensorflow",
    # Tensors reuse the memory of those before them. Else each one comes fresh from the system, page by page, since
    # TensorFlow's generators lower malloc's threshold: a third of the CPU time of a training step, for 25 % of memory.
    "TF_CPU_ALLOCATOR_USE_BFC": "true",
}
"""Set before TensorFlow is imported, unless the user has set them."""

_EXTRAS = {"tensorflow": "cpu", "jax": "jax"}
"""Backend to the extra of this package that brings it."""

_LEFT_OUT = ("cv2", "jax", "matplotlib", "pandas")
"""What Keras and TensorFlow import where it is installed, for parts of theirs that nothing here calls."""


def start(*, opens: bool = True) -> None:
    """Import Keras and open the devices; warnings and errors are shown, the notes about them are not.

    Whoever needs one of the packages that are left out imports it afterwards, as ever.

    Args:
        opens: False leaves the devices closed, for processes that must meet before.

    Raises:
        BlueoilError: the backend is not installed.
    """
    name = os.environ.setdefault("KERAS_BACKEND", ENVIRONMENT["KERAS_BACKEND"])
    try:
        with quiet(), _light(leave_out=[package for package in _LEFT_OUT if package != name]):
            import keras

            if opens:
                keras.ops.zeros(())
    except ModuleNotFoundError as error:
        if error.name != name or name not in _EXTRAS:
            raise
        raise BlueoilError(
            f"{name} is not installed",
            where=f"KERAS_BACKEND={name}",
            fix=f"pip install '.[{_EXTRAS[name]}]' in the source tree",
        ) from None


@contextmanager
def _light(leave_out: Sequence[str]) -> Iterator[None]:
    """Import in half the time: without packages that are only looked for, and with no search for garbage meanwhile."""
    absent = [package for package in leave_out if package not in sys.modules]
    modules: dict[str, Any] = sys.modules
    collects = gc.isenabled()
    gc.disable()
    modules.update(dict.fromkeys(absent))  # None: importing it raises ImportError
    try:
        yield
    finally:
        for package in absent:
            del modules[package]
        gc.freeze()  # modules stay for good; no later search walks them
        if collects:
            gc.enable()


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what code that may import TensorFlow writes to stderr; when the block ends, tell all but the notes."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            for line in file:
                if not _NOTE.match(line):
                    os.write(2, line)
