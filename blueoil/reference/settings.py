"""The page of settings, from the schema of the config."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from blueoil.config.render import SECTIONS
from blueoil.reference.markdown import code, page, table, text
from lmnet.settings import Settings, Unit, choices

_COLUMNS = ("setting", "type, limits, unit", "default", "")
_TYPES = {int: "integer", float: "number", str: "text", bool: "True or False", Path: "path", NoneType: "None"}
_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
_INTRODUCTION = (
    "A config file, Python or YAML, gives these values by their names; one that is left out has its default. "
    "`KEY=VALUE` at the end of `blueoil train` changes one for a run. All are checked when the file is loaded."
)


def render() -> str:
    """Return the page: a table for each section of a config file."""
    sections = [
        part
        for title, fields in SECTIONS.items()
        for part in (f"## {title}", table(_COLUMNS, [_row(name, Settings.model_fields[name]) for name in fields]))
    ]
    return page("Settings", "`lmnet/settings.py`", _INTRODUCTION, *sections)


def _row(name: str, field: FieldInfo) -> tuple[str, ...]:
    found = [*field.metadata, *_metadata(field.annotation)]
    names = ", ".join(map(code, choices(name)))
    limits = [f"{sign} {getattr(item, key)}" for item in found for key, sign in _SIGNS.items() if hasattr(item, key)]
    units = [item for item in found if isinstance(item, Unit)]
    kind = f"one of {names}" if names else ", ".join(dict.fromkeys([_type(field.annotation), *limits, *units]))
    default = "must be given" if field.is_required() else code(repr(field.get_default(call_default_factory=True)))
    return code(name.upper()), kind, default, text(field.description or "")


def _type(annotation: Any) -> str:
    """Return the words for a type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(map(_type, arguments))
    if origin is Literal:
        return " or ".join(map(code, arguments))
    if origin is dict:
        return "mapping"
    if origin is tuple:
        inner = _type(arguments[0])
        return f"list of {inner}s" if arguments[1:] == (...,) else f"{len(arguments)} {inner}s"
    return _TYPES[annotation]


def _metadata(annotation: Any) -> Iterator[object]:
    """Yield all that is annotated anywhere inside a type."""
    for item in getattr(annotation, "__metadata__", ()):
        yield from item.metadata if isinstance(item, FieldInfo) else (item,)
    for inner in get_args(annotation):
        yield from _metadata(inner)
