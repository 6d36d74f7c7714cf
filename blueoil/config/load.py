"""Loads a config file, Python or YAML, with ``key=value`` overrides, into Settings; errors name file and line."""

from __future__ import annotations

import ast
import io
import re
import runpy
import traceback
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from blueoil import tensorflow_start
from blueoil.config.checks import expectation, schema_value
from blueoil.errors import BlueoilError
from dlk.plain_yaml import YamlError, parse
from lmnet import plugins as own_code
from lmnet.augmentors import check_augmentors
from lmnet.errors import LmnetError
from lmnet.settings import Settings

_TYPE = re.compile(r"\[key\]|(bool|float|int|str|tuple)\b")
"""A part of pydantic's location that names a type or a key, not a value."""

_SIZES = ("image_size", "crop_size")

LARGEST = 1 << 20
"""Bytes of a config or of answers."""

Values = dict[str, Any]
Lines = dict[str, int]


def load(
    file: Path, overrides: Sequence[str] = (), *, plugins: Sequence[Path] = (), copies: Path | None = None
) -> Settings:
    """Return the Settings of a config file. Its plugins run first: they make the names that it uses known.

    Args:
        file: ``.py`` (upper-case names are values, all others are the file's own), ``.yaml`` or ``.yml``.
        overrides: ``key=value``; the key is a name of the config in any case, dots lead into a table
            (``augmentors.Hue.value=[-5, 5]``), the value is read as YAML.
        plugins: plugin files beside those of the config.
        copies: folder of the plugins' copies, which run in their place where there are any.

    Raises:
        BlueoilError: the file can't be read, or a value is unknown, wrong or out of range.
        LmnetError: a plugin can't be run, or an augmentor's parameter is wrong.
    """
    values, places = _read(file)
    for word in overrides:
        _override(values, places, word)
    _run_plugins(values, places, plugins, copies)
    return _settings(values, places)


def read_yaml(file: Path) -> tuple[Values, Lines]:
    """Return the table of a YAML file and the line of each key, by its text.

    Raises:
        BlueoilError: no file, no YAML, or no table.
    """
    text = _text(file)
    try:
        values, root = parse(text)
    except YamlError as error:
        where = f"{file}, line {error.line}" if error.line else str(file)
        raise BlueoilError(
            f"the file is no plain YAML: {error}", where=where, expected="lines of 'name: value'"
        ) from None
    if not isinstance(values, dict) or root is None:
        raise BlueoilError("the file holds no values", where=str(file), expected="lines of 'name: value'")
    return values, {str(key.value): key.start_mark.line + 1 for key, _ in root.value}


def split_word(word: str) -> tuple[str, Any]:
    """Return key and value of ``key=value``; the value is read as YAML, so numbers are numbers.

    Raises:
        BlueoilError: no ``=``, or a value that YAML can't read.
    """
    key, separator, text = word.partition("=")
    if not separator or not key.strip():
        raise BlueoilError(f"{word!r} is no setting", expected="key=value, for example batch_size=16")
    try:
        return key.strip(), parse(text)[0]
    except YamlError:
        raise BlueoilError(
            f"the value of {word!r} cannot be read", expected="a YAML value, for example [360, 480]"
        ) from None


def _read(file: Path) -> tuple[Values, dict[str, str]]:
    """Return the values under Settings' field names, and where each stands."""
    readers: dict[str, Callable[[Path], tuple[Values, Lines]]] = {
        ".py": _read_python,
        ".yaml": read_yaml,
        ".yml": read_yaml,
    }
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise BlueoilError("this is no config file", where=str(file), expected="a name that ends in .py, .yaml or .yml")
    values, lines = reader(file)
    fields: Values = {}
    for key, value in values.items():
        where = f"{file}, line {lines.get(key, 1)}"
        name = str(key).lower()
        if name not in Settings.model_fields:
            raise _unknown(str(key), where)
        fields[name] = value
    return fields, {str(key).lower(): f"{file}, line {line}" for key, line in lines.items()} | {"": str(file)}


def _read_python(file: Path) -> tuple[Values, Lines]:
    text = _text(file)
    try:
        tree = ast.parse(text, filename=str(file))
        names = runpy.run_path(str(file))
    except SyntaxError as error:
        where = f"{error.filename or file}, line {error.lineno}"
        raise BlueoilError(
            "the config is no Python", where=where, received=error.msg, fix="correct that line"
        ) from None
    except (Exception, SystemExit) as error:
        raise BlueoilError(
            "the config stopped with an error",
            where=f"{file}, line {_line_of(error, file)}",
            received=f"{type(error).__name__}: {error}",
            fix="a config holds plain values: numbers, texts, lists and tables",
        ) from None
    lines = {
        name.id: node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    }
    return {name: value for name, value in names.items() if name.isupper() and not name.startswith("_")}, lines


def _line_of(error: BaseException, file: Path) -> int:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return frames[-1].lineno or 1 if frames else 1


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise BlueoilError("the file is too large", where=str(file), expected=f"at most {LARGEST >> 10} KiB")
        return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8").read()
    except FileNotFoundError:
        fix = f"make one: blueoil init -o {file}"
        raise BlueoilError(f"there is no file {file}", fix=fix) from None
    except IsADirectoryError:
        raise BlueoilError(f"{file} is a folder", expected="a config file") from None
    except UnicodeDecodeError:
        raise BlueoilError("the file is no text", where=str(file), expected="UTF-8") from None


def _override(values: Values, places: dict[str, str], word: str) -> None:
    key, value = split_word(word)
    name, *rest = key.split(".")
    where = f"command line, {word!r}"
    field = name.lower()
    if field not in Settings.model_fields:
        raise _unknown(name, where)
    places[field] = where
    if not rest:
        values[field] = value
        return
    table = values[field] = dict(values.get(field) or {}) if isinstance(values.get(field, {}), Mapping) else {}
    for step in rest[:-1]:
        inner = table.get(step)
        table[step] = table = dict(inner) if isinstance(inner, Mapping) else {}
    table[rest[-1]] = value


def _run_plugins(values: Values, places: dict[str, str], more: Sequence[Path], copies: Path | None) -> None:
    """Run the plugins of a config and ``more``, which become a value of the config."""
    try:
        files = schema_value("plugins", values.get("plugins", ()))
        files = schema_value("plugins", (*files, *(file for file in more if file not in files)))
    except ValueError as error:
        raise BlueoilError(
            "PLUGINS has a value that cannot be used",
            where=places.get("plugins", "command line, --plugin"),
            expected=str(error),
        ) from None
    if not files:
        return
    values["plugins"] = files
    found = kept(files, copies)
    for file in found:
        if not file.is_file():
            raise BlueoilError(
                f"there is no plugin file {file}",
                where=places.get("plugins", "command line, --plugin"),
                fix="correct the path; relative paths start at the folder in which blueoil is called",
            )
    with tensorflow_start.quiet():  # a plugin may import it
        own_code.load(found)


def kept(files: Sequence[Path], copies: Path | None) -> list[Path]:
    """Return the copies of files in a folder; a file that has none there stands for itself."""
    if copies is None:
        return list(files)
    return [copy if (copy := copies / file.name).is_file() else file for file in files]


def _settings(values: Values, places: Mapping[str, str]) -> Settings:
    try:
        settings = Settings(**{name: _spelled(name, value) for name, value in values.items()})
    except ValidationError as error:
        raise _refused(error, places) from None
    try:
        check_augmentors(settings.augmentors)
    except LmnetError as error:
        error.where = places.get("augmentors", places[""])
        raise
    return settings


def _spelled(name: str, value: Any) -> Any:
    """Return a value as Settings takes it: people write a size as HxW, and none as a config's comments call it."""
    if not isinstance(value, str):
        return value
    word = value.lower()
    if word == "none":
        return None
    return word.split("x") if name in _SIZES and "x" in word else value


def _refused(error: ValidationError, places: Mapping[str, str]) -> BlueoilError:
    """Return the report of one wrong value, or a list of several."""
    reports = _merged([_report(fault, places) for fault in error.errors()])
    if len(reports) == 1:
        return reports[0]
    told = "\n".join(f"- {line}" for report in reports for line in [_one_line(report)])
    return BlueoilError(f"{len(reports)} values of the config cannot be used\n{told}", where=places[""])


def _merged(reports: Sequence[BlueoilError]) -> list[BlueoilError]:
    """Return one report a value: a value of several possible types has a fault for each of them."""
    found: dict[tuple[str, str | None], BlueoilError] = {}
    for report in reports:
        first = found.setdefault((report.what, report.where), report)
        if report is not first:
            first.expected = " or ".join(text for text in (first.expected, report.expected) if text)
    return list(found.values())


def _report(fault: Any, places: Mapping[str, str]) -> BlueoilError:
    field = str(fault["loc"][0]) if fault["loc"] else ""
    where = places.get(field, places[""])
    if fault["type"] == "missing":
        return BlueoilError(
            f"{field.upper()} is missing", where=where, expected=Settings.model_fields[field].description
        )
    if not field:
        return BlueoilError(expectation(fault), where=where)
    inner = "".join(f".{part}" for part in fault["loc"][1:] if isinstance(part, str) and not _TYPE.match(part))
    return BlueoilError(
        f"{field.upper()}{inner} has a value that cannot be used",
        where=where,
        expected=expectation(fault),
        received=repr(fault["input"]),
    )


def _one_line(report: BlueoilError) -> str:
    facts = (report.where, f"expected {report.expected}" if report.expected else None)
    received = f"received {report.received}" if report.received else None
    return "; ".join(fact for fact in (report.what, *facts, received) if fact)


def _unknown(key: str, where: str) -> BlueoilError:
    close = get_close_matches(key.lower(), Settings.model_fields, n=1)
    fix = f"did you mean {close[0].upper()}?" if close else "write names of your own in lower case"
    return BlueoilError(f"there is no setting {key!r}", where=where, fix=fix)
