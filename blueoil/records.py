"""The small files of an experiment's folder, read as what they must be: a damaged one is told, not stumbled over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from blueoil.errors import BlueoilError

LARGEST = 16 << 20
"""Bytes of a record."""


def read_text(file: Path) -> str:
    """Return the text of a record.

    Raises:
        BlueoilError: it is too large or no UTF-8.
    """
    with file.open("rb") as stream:
        data = stream.read(LARGEST + 1)
    try:
        if len(data) > LARGEST:
            raise ValueError(f"it has more than {LARGEST >> 20} MiB")
        return data.decode("utf-8")
    except ValueError as error:
        raise damaged(file, error) from None


def read_json(file: Path, lists: tuple[str, ...] = (), texts: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the JSON object of a record.

    Args:
        file: the record.
        lists: keys that hold lists, where they are there.
        texts: keys that hold lists of texts, where they are there.

    Raises:
        BlueoilError: it holds something else.
    """
    text = read_text(file)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(file, error) from None
    if not isinstance(values, dict):
        raise damaged(file, "it is no JSON object")
    for key in (*lists, *texts):
        value = values.get(key, [])
        if not isinstance(value, list) or (key in texts and not all(isinstance(item, str) for item in value)):
            raise damaged(file, f"{key} is no list{' of texts' if key in texts else ''}")
    return values


def damaged(file: Path, reason: object) -> BlueoilError:
    """Return the error of a record that cannot be used."""
    return BlueoilError(
        f"the record {file.name} is damaged",
        where=str(file),
        expected="the file as blueoil wrote it",
        received=" ".join(str(reason).split())[:200],
        fix="put back a copy of it; the checkpoints beside it are not touched",
    )
