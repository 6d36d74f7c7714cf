"""Constants as C++ text, exact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def float_literals(values: NDArray[np.float32]) -> str:
    """Return float32 values as hexadecimal literals, comma-separated; infinities as __builtin_inff()."""
    return _lines([_float_literal(float(value)) for value in np.asarray(values, np.float32).ravel()], 8)


def int_literals(values: NDArray[np.generic]) -> str:
    """Return integers, comma-separated."""
    return _lines([str(int(value)) for value in np.asarray(values).ravel().tolist()], 16)


def word_literals(values: NDArray[np.uint64]) -> str:
    """Return 64-bit words as hexadecimal literals, comma-separated."""
    return _lines([f"{value:#x}u" for value in np.asarray(values, np.uint64).ravel().tolist()], 6)


def c_string(text: str) -> str:
    """Return a C string literal for any text; everything but plain ASCII is written as octal bytes."""
    plain = {ord(c) for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.,:;/()[]+*=<>#@!"}
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode()) + '"'


def _float_literal(value: float) -> str:
    if np.isinf(value):
        return f"{'-' if value < 0 else ''}__builtin_inff()"
    return f"{(value + 0.0).hex()}f"


def _lines(items: list[str], per_line: int) -> str:
    def rows() -> Iterator[str]:
        for start in range(0, len(items), per_line):
            yield ", ".join(items[start : start + per_line])

    return ",\n    ".join(rows())
