"""One fact of a report: its key in the document, its title on a page, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

Thing = TypeVar("Thing")


class Unit(Enum):
    """What a value is, so that a page can write it for a person."""

    TEXT = "text"
    COUNT = "count"
    BYTES = "bytes"
    SHARE = "share"  # 0 .. 1
    SHAPE = "shape"  # a list of numbers
    RANGE = "range"  # {"least": ..., "most": ...}, or None


@dataclass(frozen=True, slots=True)
class Fact(Generic[Thing]):
    """``of`` finds the value, of JSON types; None: the thing has none. meaning: one sentence for a page."""

    key: str
    title: str
    unit: Unit
    of: Callable[[Thing], Any]
    meaning: str = ""


def values(facts: Sequence[Fact[Thing]], thing: Thing) -> dict[str, Any]:
    """Return all facts of a thing by their keys."""
    return {fact.key: fact.of(thing) for fact in facts}
