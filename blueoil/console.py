"""What is printed: plain lines, tables and, for machines, one JSON object; the only module that writes to the terminal.

A person reads stdout. With ``--json`` stdout carries one JSON object at the end and all else goes to stderr.
``rich`` is imported when a table or a progress bar is drawn on a terminal, not before.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO


class Console:
    """The voice of one command.

    Args:
        machine: ``--json`` was given: tell people on stderr, and the result as JSON on stdout.
    """

    def __init__(self, *, machine: bool = False) -> None:
        self.machine = machine

    @property
    def stream(self) -> TextIO:
        """Where the words for a person go."""
        return sys.stderr if self.machine else sys.stdout

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches."""
        return self.stream.isatty()

    def say(self, text: str = "") -> None:
        """Print one line (or several) for a person."""
        print(text, file=self.stream, flush=True)

    def warn(self, text: str) -> None:
        """Print one line on stderr."""
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - the console

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
        """Print a table: framed on a terminal, plain columns elsewhere; all columns but the first align right."""
        if self.is_terminal:
            self._rich_table(columns, rows, title)
            return
        widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
        if title:
            self.say(title)
        for row in (columns, *rows):
            cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
            self.say("  " + "  ".join(cells).rstrip())

    def stage(self, name: str, detail: str, seconds: float) -> None:
        """Print one finished stage and its time."""
        took = duration(seconds) if seconds >= 10 else f"{seconds:.2f} s"
        self.say(f"{name:<12}{took:>8}  {detail}".rstrip())

    def result(self, values: Mapping[str, Any]) -> None:
        """Print the JSON object of ``--json``; do nothing for a person, who was told already."""
        if self.machine:
            print(json.dumps(values, default=_plain, allow_nan=False), flush=True)  # noqa: T201 - the console

    def _rich_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
        from rich.console import Console as RichConsole
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title or None, title_justify="left")
        for index, name in enumerate(columns):
            table.add_column(Text(name), justify="right" if index else "left")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        RichConsole(file=self.stream).print(table)


def _plain(value: object) -> object:
    """Turn what JSON lacks into what it has: paths, and numpy's scalars and arrays."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def percent(value: float) -> str:
    """Return a share 0..1 as text with one decimal; a dash for not-a-number (the class never occurred)."""
    return f"{100 * value:.1f} %" if value == value else "-"


def duration(seconds: float) -> str:
    """Return a duration as people say it: ``45 s``, ``3:20`` (minutes), ``2:05:10`` (hours), ``3 d 04:00``."""
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    if days:
        return f"{days} d {hours:02d}:{minutes:02d}"
    if hours:
        return f"{hours}:{minutes:02d}:{secs:02d}"
    return f"{minutes}:{secs:02d}" if minutes else f"{secs} s"


def size(count: int) -> str:
    """Return a number of bytes as text: ``512 KiB``, ``9.8 MiB``, ``1.5 GiB``."""
    for unit, shift in (("GiB", 30), ("MiB", 20)):
        if count >= 1 << shift:
            return f"{count / (1 << shift):.1f} {unit}"
    return f"{count / 1024:.0f} KiB"
