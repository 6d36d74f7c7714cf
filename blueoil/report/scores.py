"""The scores of an evaluation as a table, and as the JSON that is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from blueoil.console import Console, percent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmnet.metrics.iou import Scores


def tell(console: Console, classes: Sequence[str], matrix: NDArray[np.int64], scores: Scores) -> None:
    """Print IoU and share of the true pixels of each class, then mIoU and pixel accuracy."""
    total = max(1, int(matrix.sum()))
    shares = [int(row.sum()) / total for row in matrix]
    rows = [[name, percent(iou), percent(share)] for name, iou, share in zip(classes, scores.iou, shares, strict=True)]
    console.table(["class", "IoU", "pixels"], rows)
    console.say(f"mIoU {percent(scores.mean_iou)}, pixel accuracy {percent(scores.pixel_accuracy)}")


def document(classes: Sequence[str], matrix: NDArray[np.int64], scores: Scores) -> dict[str, Any]:
    """Return the scores as JSON takes them; null where a score is not defined."""
    ious = {name: _number(float(iou)) for name, iou in zip(classes, scores.iou, strict=True)}
    return {
        "mean_iou": _number(scores.mean_iou),
        "pixel_accuracy": _number(scores.pixel_accuracy),
        "iou": ious,
        "classes": list(classes),
        "confusion_matrix": matrix.tolist(),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
