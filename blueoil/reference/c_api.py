"""The page of the C interface, from the comments of dlk.h."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import dlk
from blueoil.reference.markdown import block, escaped, page

HEADER = Path(dlk.__file__).parent / "runtime" / "include" / "dlk" / "dlk.h"
_COMMENT = re.compile(r"/\*.*?\*/\n?", re.DOTALL)
_TITLE = re.compile(r"---- (.+?) ----")
_NAME = re.compile(r"(?:#define )?(\w+)(?= \d|\(|;)|\(\*(\w+)\)")
_HIDDEN = re.compile(r'^#(?:if|endif|include).*\n|^extern "C" \{\n|^\}\n|^#define DLK_DLK_H_\n', re.MULTILINE)


def render(header: str | None = None) -> str:
    """Return the page: the header's own introduction, then each declaration below its name with its comment.

    header: the text of dlk.h, by default that which libraries are built with.
    """
    source = HEADER.read_text(encoding="utf-8") if header is None else header
    introduction, *entries = list(_entries(source))
    return page(
        "C interface",
        "`dlk/runtime/include/dlk/dlk.h`",
        introduction[0],
        "## Version and types",
        *map(_render, entries),
    )


def _entries(source: str) -> Iterator[tuple[str, str]]:
    """Yield each comment of its own with the declarations behind it, which may be none."""
    source = _HIDDEN.sub("", source)
    starts = [found for found in _COMMENT.finditer(source) if found.start() == 0 or source[found.start() - 1] == "\n"]
    ends = [*(found.start() for found in starts[1:]), len(source)]
    for found, end in zip(starts, ends, strict=True):
        yield _words(found[0]), source[found.end() : end].strip()


def _render(entry: tuple[str, str]) -> str:
    comment, declarations = entry
    title = _TITLE.match(comment)
    parts = [f"## {title[1]}", comment[title.end() :].strip()] if title else []
    for index, chunk in enumerate(filter(None, declarations.split("\n\n"))):
        parts += [f"### {', '.join(_names(chunk))}", block(chunk, "c")]
        if index == 0 and not title:
            parts.append(comment)
    return "\n\n".join(filter(None, parts))


def _names(declarations: str) -> list[str]:
    """Return what is declared, as code."""
    flat = re.sub(r"\{.*?\}", "", _COMMENT.sub("", declarations), flags=re.DOTALL)
    found = [next(filter(None, match.groups())) for line in flat.splitlines() if (match := _NAME.search(line))]
    return [f"`{name}`" for name in dict.fromkeys(found)]


def _words(comment: str) -> str:
    """Return a comment's text as Markdown: its lists stay lists, its tables stay as they stand."""
    inner = re.sub(r"^ ?\* ?", "", comment.strip()[2:-2].strip(), flags=re.MULTILINE)
    return "\n\n".join(_paragraph(part) for part in re.split(r"\n\s*\n", inner))


def _paragraph(words: str) -> str:
    first, _, rest = words.partition("\n")
    if rest.lstrip().startswith("- "):
        return f"{escaped(first)}:\n\n{escaped(textwrap.dedent(rest))}"
    if rest.startswith("  "):
        table = re.match(r"(?: {2}.*\n?)*", rest)
        assert table is not None  # noqa: S101 - it matches nothing at least
        return "\n\n".join(filter(None, [escaped(first), block(textwrap.dedent(table[0])), rest[table.end() :]]))
    return escaped(words)
