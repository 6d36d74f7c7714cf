"""Writes Settings as a commented config file, Python or YAML, that loads into the same Settings."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import yaml

from blueoil import __version__
from blueoil.config import recipe
from lmnet import networks
from lmnet.augmentors import AUGMENTORS
from lmnet.settings import Settings, choices

SECTIONS: dict[str, tuple[str, ...]] = {
    "What is learned": ("task", "network", "plugins"),
    "Dataset": (
        "dataset_format",
        "train_path",
        "validation_path",
        "image_size",
        "batch_size",
        "crop_size",
        "augmentors",
    ),
    "Training": (
        "max_epochs",
        "max_steps",
        "optimizer",
        "learning_rate",
        "learning_rate_schedule",
        "weight_decay",
        "loss",
        "class_weight_power",
        "logit_adjustment",
        "float_start",
        "warm_start",
        "precision",
        "early_stop",
        "seed",
    ),
    "Quantization": (
        "weight_quantizer",
        "activation_quantizer",
        "activation_bits",
        "activation_max_value",
        "quantize_first_layer",
        "quantize_last_layer",
    ),
    "Record": ("save_checkpoint_steps", "keep_checkpoint_max", "test_steps", "summarise_steps"),
}
"""Title of each section of a config file and its values; together every field of Settings once."""

_WIDTH = 116


def render(settings: Settings, *, name: str, suffix: str, made_by: str = "blueoil init") -> str:
    """Return the text of a config file.

    Args:
        settings: the values.
        name: the model's name, for the first line.
        suffix: ``.py``, ``.yaml`` or ``.yml``.
        made_by: the command, likewise.
    """
    assign = _python if suffix == ".py" else _yaml
    sections = [
        {"title": title, "entries": [_entry(settings, field, assign) for field in fields]}
        for title, fields in SECTIONS.items()
    ]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("blueoil.config"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - the output is Python or YAML, every value is quoted by its own writer
    )
    template = environment.get_template("config.py.jinja")
    return template.render(header=_header(name, suffix, made_by), sections=sections)


def _header(name: str, suffix: str, made_by: str) -> str:
    """Return the first lines: a docstring in Python, comments in YAML."""
    lines = (
        f"Config of {name}, made by `{made_by}` {__version__}. Every value is checked when the file is loaded.",
        "Relative paths start at the folder in which `blueoil train` is called.",
    )
    return f'"""{lines[0]}\n\n{lines[1]}\n"""' if suffix == ".py" else "\n".join(f"# {line}" for line in lines)


def _entry(settings: Settings, field: str, assign: Callable[[str, Any], str]) -> dict[str, Any]:
    text = " ".join(part for part in (Settings.model_fields[field].description, _limits(field, settings)) if part)
    why = recipe.reason(field, settings)
    return {
        "comments": textwrap.wrap(text, _WIDTH) + textwrap.wrap(f"Why: {why}" if why else "", _WIDTH),
        "assignment": assign(field.upper(), _plain(getattr(settings, field))),
    }


def _limits(field: str, settings: Settings) -> str:
    """Return the limits of a field as a sentence."""
    info = Settings.model_fields[field]
    if field == "image_size":
        multiple = networks.architecture(settings.network)[0].size_multiple
        return f"Each side 16 to 1024 and a multiple of {multiple}."
    if field == "augmentors":
        return f"Known: {', '.join(AUGMENTORS)}."
    if names := choices(field):
        told = f"One of {', '.join(names)}." if len(names) > 1 else ""
        return f"{told} The steps are counted in epochs." if field == "learning_rate_schedule" else told
    bounds = {
        key: getattr(limit, key) for limit in info.metadata for key in ("ge", "le", "gt", "lt") if hasattr(limit, key)
    }
    if "ge" in bounds and "le" in bounds:
        return f"From {bounds['ge']} to {bounds['le']}."
    return ""


def _plain(value: Any) -> Any:
    """Return paths as text, all else as it is."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return str(value) if isinstance(value, Path) else value


def _python(name: str, value: Any) -> str:
    if not isinstance(value, dict) or not value:
        return f"{name} = {_quoted(value)}"
    lines = [f"    {_quoted(key)}: {_quoted(inner)}," for key, inner in value.items()]
    for i, inner in enumerate(value.values()):
        if len(lines[i]) > _WIDTH:
            parts = [f"        {_quoted(key)}: {_quoted(part)},\n" for key, part in inner.items()]
            lines[i] = f"{lines[i].partition('{')[0]}{{\n{''.join(parts)}    }},"
    return "\n".join([f"{name} = {{", *lines, "}"])


def _quoted(value: Any) -> str:
    """Return Python's text of a value, with double quotes as in the rest of the file."""
    if isinstance(value, str):
        text = repr(value)
        return '"' + text[1:-1] + '"' if text[0] == "'" and '"' not in text and "\\'" not in text else text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {_quoted(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_quoted, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def _yaml(name: str, value: Any) -> str:
    if isinstance(value, dict) and value:
        return "\n".join([f"{name}:", *(f"  {key}: {_flow(inner)}" for key, inner in value.items())])
    return f"{name}: {_flow(value)}"


def _flow(value: Any) -> str:
    """Return YAML's text of a value on one line: written as the one element of a list, whose brackets are cut off."""
    text: str = yaml.safe_dump(
        [_listed(value)], default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False
    )
    return text.strip()[1:-1]


def _listed(value: Any) -> Any:
    """Return tuples as lists: plain YAML has no tuples."""
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value
