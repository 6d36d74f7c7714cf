"""Markdown from plain text: escaped words, tables, blocks of code."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SPECIAL = re.compile(r"([\\*<>|\[\]])")


def text(words: str) -> str:
    """Return words that Markdown shows as they are; what stands between backticks stays code."""
    return escaped(" ".join(words.split()))


def escaped(words: str) -> str:
    """Return the same, its lines kept."""
    return _SPECIAL.sub(r"\\\1", words)


def code(words: object) -> str:
    """Return one word as code, fit for a table too; nothing for nothing."""
    return f"`{words}`".replace("|", "\\|") if str(words) else ""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def block(words: str, language: str = "text") -> str:
    """Return a block of code."""
    return f"```{language}\n{words.rstrip()}\n```"


def page(title: str, source: str, *parts: str) -> str:
    """Return a whole page; ``source`` says what it is made from."""
    return "\n\n".join([f"# {title}", f"*Made from {source} when the site is built.*", *filter(None, parts)]) + "\n"
