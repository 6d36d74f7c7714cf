"""Starts TensorFlow without its notes on the console."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

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


def start() -> None:
    """Import Keras and open the devices; warnings and errors are shown, the notes about them are not."""
    with quiet():
        import keras

        keras.ops.zeros(())


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
