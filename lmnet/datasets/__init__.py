"""Datasets by the name of their format. Names are known here without importing the readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lmnet.datasets.base import VOID, Dataset, Pair, Sample, Split, Survey
from lmnet.registry import Registry, imported

if TYPE_CHECKING:
    from lmnet.settings import Settings

__all__ = ["DATASETS", "VOID", "Dataset", "Pair", "Reader", "Sample", "Split", "Survey", "open_dataset"]

Reader = Callable[["Settings"], Dataset]
"""Opens the dataset of the settings, every file decoded and checked: for training and evaluation."""

DATASETS: Registry[Reader | str] = Registry("dataset format", {"CamvidCustom": "lmnet.datasets.camvid:open_dataset"})
"""Readers by the name that a config gives their format, or ``module:function`` where they are."""


def open_dataset(settings: Settings) -> Dataset:
    """Return the dataset of the settings, in whatever format it lies.

    Raises:
        LmnetError: lists everything that is wrong, where, and how to mend it.
    """
    return imported(DATASETS[settings.dataset_format])(settings)
