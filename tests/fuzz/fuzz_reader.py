"""What all fuzz targets share: choices out of bytes, and what counts as an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

Run = Callable[[bytes], None]
"""A target: takes one input, raises when the program does what it must not."""

_PATH_FAULTS = (PermissionError, NotADirectoryError)  # the command line tells them by itself
_LONGEST = 20_000


class Reader:
    """Takes choices from bytes, from the front; after the end every byte is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes not yet taken."""
        return max(0, len(self._data) - self._at)

    def byte(self) -> int:
        """Return the next byte."""
        value = self._data[self._at] if self._at < len(self._data) else 0
        self._at += 1
        return value

    def pick(self, among: Sequence[T]) -> T:
        """Return one of a few things."""
        return among[self.byte() % len(among)]

    def number(self) -> int:
        """Return a number: small, at an edge of 32 or 64 bits, or any of four bytes."""
        first = self.byte()
        edges = (1 << 31, (1 << 31) - 1, -(1 << 31), 1 << 32, (1 << 63) - 1, -(1 << 63), 1 << 16, -1)
        if first < 200:
            return first - 4
        return edges[first - 200] if first < 208 else int.from_bytes(self.take(4), "little", signed=True)

    def real(self) -> float:
        """Return a float: an ordinary one, or one at an edge."""
        edges = (0.0, -0.0, 1.0, -1.0, float("nan"), float("inf"), float("-inf"), 1e-45, 1e-38, 3e38, 1e-9, 2.0)
        first = self.byte()
        return edges[first] if first < len(edges) else (first - 128) / 16

    def take(self, count: int) -> bytes:
        """Return the next bytes, at most ``count``."""
        part = self._data[self._at : self._at + count]
        self._at += count
        return part

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(self.left)


@contextmanager
def answered(*kinds: type[Exception], explains: bool = False) -> Iterator[None]:
    """Accept an error that tells the user of a mistake; let everything else through: it is a finding.

    Args:
        kinds: errors that a device program tells by itself.
        explains: the error must also say where, and what was expected or how to mend it.
    """
    try:
        yield
    except kinds as error:
        text = str(error)
    except _PATH_FAULTS:
        return
    except Exception as error:
        if getattr(error, "exit_code", None) != 1:
            raise
        text = str(error)
        if explains and not (error.where and (error.expected or error.fix)):
            raise AssertionError(f"an error that does not explain itself: {text}") from error
    else:
        return
    if not text.strip() or len(text) > _LONGEST:
        raise AssertionError(f"an error of {len(text)} characters")


def rewrite(file: Path, data: bytes) -> Path:
    """Write a file of the workspace; return its path."""
    file.write_bytes(data)
    return file
