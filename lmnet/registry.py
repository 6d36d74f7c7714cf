"""Named things of one kind: the built-in ones, and those that a user's file adds."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import TypeVar

T = TypeVar("T")


class Registry(MutableMapping[str, T]):
    """A table from name to thing, in the order of entry.

    Args:
        kind: what its things are called, for messages: ``network``.
        built_in: the first things.
    """

    def __init__(self, kind: str, built_in: Mapping[str, T] | None = None) -> None:
        self.kind = kind
        self._things: dict[str, T] = dict(built_in or {})
        self._owners: dict[str, str] = {}

    def __getitem__(self, name: str) -> T:
        """Return the thing of this name.

        Raises:
            KeyError: there is none.
        """
        return self._things[name]

    def __setitem__(self, name: str, thing: T) -> None:
        """Enter a thing; one of the same name is replaced."""
        self._things[name] = thing

    def __delitem__(self, name: str) -> None:
        """Remove a thing."""
        del self._things[name]
        self._owners.pop(name, None)

    def enter(self, name: str, thing: T, *, owner: str) -> None:
        """Enter a thing under a name that is free.

        Args:
            name: of the thing.
            thing: to be found under it.
            owner: who enters it.

        Raises:
            ValueError: the name is taken; says by whom.
        """
        if name in self:
            whose = f"entered by {self._owners[name]}" if name in self._owners else "built in"
            raise ValueError(f"the {self.kind} {name} exists already, {whose}")
        self[name] = thing
        self._owners[name] = owner

    def withdraw(self, owner: str) -> None:
        """Remove all that one has entered."""
        for name in [name for name, who in self._owners.items() if who == owner]:
            del self[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names."""
        return iter(self._things)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._things)


def imported(thing: T | str) -> T:
    """Return a thing, or what ``module:name`` names: so a table knows its names before their modules are imported."""
    if not isinstance(thing, str):
        return thing
    module, _, name = thing.partition(":")
    found: T = getattr(importlib.import_module(module), name)
    return found
