"""Kinds of values that a parameter can have. Each says in words what it expects, and what it accepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeGuard

Value = bool | int | float | str | tuple[int | float, ...] | None


class Kind(Protocol):
    """What a value may be."""

    def expected(self) -> str:
        """Return what may be given, in words."""

    def accepts(self, value: object) -> bool:
        """Say whether a value may be given; a list stands for a tuple."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number from ``lowest`` to ``highest``, both included.

    Attributes:
        lowest: smallest value allowed.
        highest: largest value allowed.
        whole: only whole numbers.
    """

    lowest: float
    highest: float
    whole: bool = False

    def expected(self) -> str:
        """Return what may be given, in words."""
        return f"a {'whole ' if self.whole else ''}number from {self.lowest:g} to {self.highest:g}"

    def accepts(self, value: object) -> bool:
        """Say whether a value may be given."""
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return False
        return self.lowest <= value <= self.highest and not (self.whole and value % 1)


@dataclass(frozen=True, slots=True)
class Range:
    """Two numbers from ``lowest`` to ``highest``, the smaller first; what the augmentor needs is drawn between them."""

    lowest: float
    highest: float
    whole: bool = False

    def expected(self) -> str:
        """Return what may be given, in words."""
        kind = "whole numbers" if self.whole else "numbers"
        return f"two {kind} from {self.lowest:g} to {self.highest:g}, the smaller first"

    def accepts(self, value: object) -> bool:
        """Say whether a value may be given."""
        number = Number(self.lowest, self.highest, self.whole)
        return _has(value, 2) and all(map(number.accepts, value)) and value[0] <= value[1]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some names."""

    names: tuple[str, ...]

    def expected(self) -> str:
        """Return what may be given, in words."""
        return "one of " + ", ".join(f'"{name}"' for name in self.names)

    def accepts(self, value: object) -> bool:
        """Say whether a value may be given."""
        return isinstance(value, str) and value in self.names


@dataclass(frozen=True, slots=True)
class YesNo:
    """True or False."""

    def expected(self) -> str:
        """Return what may be given, in words."""
        return "yes or no (True or False)"

    def accepts(self, value: object) -> bool:
        """Say whether a value may be given."""
        return isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Size:
    """Height and width in pixels, or None."""

    def expected(self) -> str:
        """Return what may be given, in words."""
        return "height and width, whole numbers from 1 to 4096 such as (192, 256), or none"

    def accepts(self, value: object) -> bool:
        """Say whether a value may be given."""
        return value is None or (_has(value, 2) and all(map(Number(1, 4096, whole=True).accepts, value)))


@dataclass(frozen=True, slots=True)
class Color:
    """Red, green and blue."""

    def expected(self) -> str:
        """Return what may be given, in words."""
        return "red, green and blue, whole numbers from 0 to 255"

    def accepts(self, value: object) -> bool:
        """Say whether a value may be given."""
        return _has(value, 3) and all(map(Number(0, 255, whole=True).accepts, value))


def text(value: Value) -> str:
    """Return a value as a Python config holds it, whole numbers without a fraction."""
    if isinstance(value, tuple):
        return f"({', '.join(map(text, value))})"
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else str(value)


def _has(value: object, count: int) -> TypeGuard[tuple | list]:
    return isinstance(value, (tuple, list)) and len(value) == count
