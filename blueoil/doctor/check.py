"""One check: what is looked for, who needs it, what installs it, and what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How something was found."""

    OK = "ok"
    MISSING = "missing"
    TOO_OLD = "too old"
    TOO_NEW = "too new"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe found, in words; ``fix`` where it knows a better command than its check."""

    state: State
    found: str
    fix: str = ""


Probe = Callable[[], Finding]


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table.

    without: what does not work without it; fix: the command that installs it; required: nothing is proved without it.
    """

    group: str
    name: str
    probe: Probe
    without: str
    fix: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """A check and what it found."""

    check: Check
    finding: Finding

    @property
    def is_ok(self) -> bool:
        """Whether it can be used."""
        return self.finding.state is State.OK

    @property
    def fix(self) -> str:
        """The command that mends it."""
        return self.finding.fix or self.check.fix


def look(check: Check) -> Result:
    """Return what a check finds; a probe that cannot be imported counts as unusable, and names what it lacks."""
    try:
        return Result(check, check.probe())
    except ImportError as error:
        return Result(check, Finding(State.UNUSABLE, f"cannot be asked: {error}"))
