"""The file of a trained network: an npz archive of its weights and of a JSON header, read with bounds and checked."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt, ValidationError

from lmnet.errors import LmnetError
from lmnet.settings import Settings

FORMAT, VERSION = "blueoil network", 1
LARGEST = 64 << 20
"""Bytes, as a file and when unpacked."""

KEPT = (
    "task",
    "network",
    "image_size",
    "weight_quantizer",
    "activation_quantizer",
    "activation_bits",
    "activation_max_value",
    "quantize_first_layer",
    "quantize_last_layer",
)
"""The settings that a network is built from; all others are of its training."""

NO_DATASET = Path("DATASET")
"""Stands where the settings need the path of a dataset: a file of weights has none."""

_HEADER = "header"
_KINDS = (np.dtype(np.float32), np.dtype(np.uint8))


class Facts(BaseModel):
    """Where a network comes from, and what was measured with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: NonNegativeInt = Field(description="Finished steps of its training.")
    steps_before: NonNegativeInt = Field(0, description="Finished steps of the trainings that its weights came from.")
    seconds: NonNegativeFloat = Field(0.0, description="Time of all these trainings.")
    cpu_seconds: NonNegativeFloat = Field(0.0, description="CPU time of all these trainings, of all threads.")
    dataset: str = Field(description="Name of the dataset that it was measured on.")
    split: str = Field(description="Part of the dataset that it was measured on.")
    images: PositiveInt = Field(description="Pictures in that part.")
    mean_iou: float | None = Field(description="Mean IoU of the classes that occur; void does not count.")
    pixel_accuracy: float | None = Field(description="Share of the pixels that got their class.")
    iou: dict[str, float | None] = Field(description="IoU of each class; none where it does not occur.")
    note: str = Field("", description="What else is to be said, in words.")

    def __str__(self) -> str:
        """Return the figures in words."""
        miou = "-" if self.mean_iou is None else f"{100 * self.mean_iou:.1f} %"
        return f"mIoU {miou} on {self.images} {self.split} images of {self.dataset}"


@dataclass(frozen=True, slots=True)
class Archive:
    """What a file holds.

    Attributes:
        settings: those of KEPT are the network's, all others have their defaults.
        classes: class names in the order of the outputs.
        facts: what is known of it.
        arrays: float32 and uint8, by name; their meaning is that of ``packing``.
    """

    settings: Settings
    classes: tuple[str, ...]
    facts: Facts
    arrays: Mapping[str, NDArray[Any]]


def to_bytes(archive: Archive) -> bytes:
    """Return the content of a file, the same for the same archive."""
    settings = archive.settings.model_dump(mode="json", include=set(KEPT))
    header = {
        "format": FORMAT,
        "version": VERSION,
        "settings": settings,
        "preprocessor": archive.settings.preprocessor,
        "classes": list(archive.classes),
        "facts": archive.facts.model_dump(mode="json"),
    }
    text = json.dumps(header, ensure_ascii=False, allow_nan=False).encode()
    stream = io.BytesIO()
    arrays: dict[str, Any] = {_HEADER: np.frombuffer(text, np.uint8), **archive.arrays}
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def read(file: Path) -> Archive:
    """Return what a file holds.

    Raises:
        LmnetError: it is absent, damaged, foreign, of another version, or larger than LARGEST.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise unreadable(file, error.strerror or str(error)) from None
    return parse(data, file)


def parse(data: bytes, file: Path) -> Archive:
    """Return what the content of ``file`` holds; raises as ``read`` does."""
    try:
        arrays = _arrays(data)
        header = json.loads(arrays.pop(_HEADER, np.zeros(0)).tobytes() or "null")
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise ValueError("it has no header, or another one")
    except Exception as error:  # whatever zipfile, zlib, numpy and json raise on bytes that are not ours
        raise unreadable(file, str(error) or type(error).__name__) from error
    if (version := header.get("version")) != VERSION:
        raise LmnetError(
            f"The network {file.name} was packed by another version of Blueoil.",
            where=str(file),
            expected=f"format {VERSION}",
            received=f"format {version}",
            fix="use it with the version that packed it, or pack it again",
        )
    try:
        return Archive(_settings(header), _classes(header["classes"]), Facts.model_validate(header["facts"]), arrays)
    except ValidationError as error:
        fault = error.errors()[0]
        raise unreadable(file, f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error
    except KeyError as error:
        raise unreadable(file, f"its header lacks {error}") from error
    except (ValueError, TypeError) as error:
        raise unreadable(file, str(error)) from error


def unreadable(file: Path, reason: str) -> LmnetError:
    """Return the error of a file that cannot be used."""
    return LmnetError(
        f"The network {file.name} cannot be read: {reason}",
        where=str(file),
        expected="a file as blueoil zoo pack writes it",
        fix="fetch the file again, or pack the checkpoint again",
    )


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if len(data) > LARGEST or sum(entry.file_size for entry in archive.infolist()) > LARGEST:
            raise ValueError(f"it holds more than {LARGEST >> 20} MiB")
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype not in _KINDS or not np.isfinite(array).all():
            raise ValueError(f"{name} is no array of uint8 or of finite float32")
    return arrays


def _settings(header: Mapping[str, Any]) -> Settings:
    kept = dict(header["settings"])
    if strange := sorted(set(kept) - set(KEPT)):
        raise ValueError(f"{', '.join(strange)} is no setting of a network")
    settings = Settings.model_validate({**kept, "train_path": NO_DATASET})
    if header["preprocessor"] != settings.preprocessor:
        raise ValueError(f"it wants {header['preprocessor']}, these settings {settings.preprocessor}")
    return settings


def _classes(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError("it has no list of class names")
    return tuple(names)
