"""Checks that a person's answer passes: the limits of one value and of values together, and a look at the dataset.

Each check returns the value in its final type, or raises ValueError whose text says what is expected.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from lmnet import limits, networks
from lmnet.datasets.camvid import survey
from lmnet.errors import LmnetError
from lmnet.settings import Settings

_PLAIN_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "tuple": "a list of two numbers",
    "dictionary": "a table of names and values",
    "string": "a text",
}


def schema_value(field: str, value: object) -> Any:
    """Return ``value`` as the type of a Settings field; the schema's limits are checked.

    Raises:
        ValueError: says what the schema expects.
    """
    info = Settings.model_fields[field]
    annotation: Any = info.annotation
    for limit in info.metadata:
        annotation = Annotated[annotation, limit]
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        raise ValueError(expectation(error.errors()[0])) from None


def expectation(error: Any) -> str:
    """Return what a pydantic error expects, as words that follow 'expected:'."""
    text = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    text = text.removeprefix("a valid ").split(", unable to parse")[0].split(", got a number")[0]
    return _PLAIN_WORDS.get(text, text)


def image_size(value: object, network: str) -> tuple[int, int]:
    """Return (height, width) of ``360x480``, ``360, 480`` or a pair of integers; both fit the network.

    Raises:
        ValueError: says what is expected, and the nearest size that fits.
    """
    pair = re.fullmatch(r"\s*(\d+)\s*[xX×, ]\s*(\d+)\s*", value) if isinstance(value, str) else None
    numbers: object = pair.groups() if pair else value
    if isinstance(numbers, str) or not isinstance(numbers, (tuple, list)) or len(numbers) != 2:
        raise ValueError("height x width in pixels, for example 360x480")
    height, width = schema_value("image_size", tuple(numbers))
    networks.check_image_size((height, width), network)
    return height, width


def dataset_folder(value: object, *, train_path: Path | None = None) -> Path:
    """Return the path of a dataset folder whose lists, and the files that they name, are in order.

    Args:
        value: the folder.
        train_path: None: ``value`` is the training folder (train.txt); else it is the validation folder (val.txt) that
            goes with this training folder.

    Raises:
        ValueError: says what is missing.
    """
    list_file = "train.txt" if train_path is None else "val.txt"
    text = str(value or "").strip()
    if not text:
        raise ValueError(f"a folder that holds {list_file}")
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise ValueError(f"a folder that exists and holds {list_file}; there is no folder {folder}")
    if not (folder / list_file).is_file():
        raise ValueError(f"a folder that holds {list_file}; {folder} holds {_sample(folder)}")
    try:
        survey(train_path or folder, None if train_path is None else folder)
    except LmnetError as error:
        told = " ".join(line.strip() for line in error.what.splitlines()[1:3])
        raise ValueError(f"a dataset without faults; {told}") from None
    return folder


def _sample(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir())
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "") if names else "nothing"


def schedule(value: str, epochs: int | None) -> str:
    """Return the schedule when the epochs, where they are known, are enough for it.

    Raises:
        ValueError: says how many epochs the schedule needs.
    """
    if epochs is not None:
        limits.check_epochs(value, epochs)
    return value
