"""Readers of datasets on disk, checked before the first step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lmnet.datasets import camvid
from lmnet.datasets.base import VOID, Dataset, Pair, Sample, Split, Survey
from lmnet.settings import Settings

__all__ = ["DATASETS", "VOID", "Dataset", "DatasetFormat", "Pair", "Sample", "Split", "Survey", "open_dataset"]


@dataclass(frozen=True, slots=True)
class DatasetFormat:
    """One way in which a dataset lies on disk.

    Attributes:
        survey: classes and sizes from the text files alone, for prompts: (training folder, validation folder or None).
        open_dataset: everything decoded and checked, for training and evaluation.
    """

    survey: Callable[[Path, Path | None], Survey]
    open_dataset: Callable[[Settings], Dataset]


DATASETS: dict[str, DatasetFormat] = {
    "CamvidCustom": DatasetFormat(survey=camvid.survey, open_dataset=camvid.open_dataset),
}
"""Formats by the name that a config gives them."""


def open_dataset(settings: Settings) -> Dataset:
    """Return the dataset of the settings, in whatever format it lies.

    Raises:
        LmnetError: lists everything that is wrong, where, and how to mend it.
    """
    return DATASETS[settings.dataset_format].open_dataset(settings)
