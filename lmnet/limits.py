"""What values of a config must hold together: image sizes, and the schedules' least lengths.

Nothing here imports Keras, for prompts and configs are checked without it. Each check raises ValueError whose text says
what is expected, as pydantic's validators do.
"""

from __future__ import annotations

SMALLEST_SIDE, LARGEST_SIDE = 16, 1024
"""Limits of an image's height and width, pixels."""

WARM_UP = "3-step-decay-with-warmup"

LEAST_EPOCHS = {"2-step-decay": 2, "3-step-decay": 2, WARM_UP: 4}
"""Epochs that a schedule needs; one that is not listed needs none. The last epoch keeps the last rate."""


def check_multiple(size: tuple[int, int], multiple: int, network: str) -> None:
    """Check that (height, width) are multiples of what a network divides them by.

    Raises:
        ValueError: they are not; the nearest size that fits is named.
    """
    if all(side % multiple == 0 for side in size):
        return
    nearest = "x".join(map(str, fitting(size, multiple)))
    raise ValueError(f"height and width in multiples of {multiple} ({network} halves the picture); try {nearest}")


def fitting(size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Return the nearest (height, width) within the limits whose sides are multiples of ``multiple``."""
    height, width = (min(LARGEST_SIDE, max(SMALLEST_SIDE, round(side / multiple) * multiple)) for side in size)
    return height, width


def check_epochs(schedule: str, epochs: float) -> None:
    """Check that a run is long enough for a learning-rate schedule.

    Raises:
        ValueError: it is too short.
    """
    least = LEAST_EPOCHS.get(schedule, 0)
    if epochs < least:
        raise ValueError(f"another schedule, or at least {least} epochs: {schedule} keeps a rate for whole epochs")
