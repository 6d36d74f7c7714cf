"""The confusion matrix as a picture: rows are the truth, columns the prediction, each row in percent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def row_shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each row of int64 [C, C] as shares 0..1 of its pixels; NaN in rows of classes that never occur."""
    totals = matrix.sum(axis=1, keepdims=True)
    return np.divide(matrix, totals, out=np.full(matrix.shape, np.nan), where=totals > 0)


def draw(matrix: NDArray[np.int64], classes: Sequence[str], picture: Path, *, title: str = "") -> None:
    """Draw int64 [C, C] (rows truth) as percent of the true pixels; rows of absent classes stay grey."""
    from matplotlib.figure import Figure

    from blueoil.report.figure import save

    shares = row_shares(matrix)
    side = 3.0 + 0.55 * len(classes)
    figure = Figure(figsize=(side + 1, side), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("0.85")
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    ticks = range(len(classes))
    axes.set_xticks(ticks, classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, classes)
    axes.set(xlabel="predicted class", ylabel="true class", title=title)
    for row, column in np.ndindex(shares.shape):
        share = shares[row, column]
        if share >= 0.005:  # smaller ones would print as 0
            color = "white" if share > 0.5 else "black"
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=color, fontsize=8)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("share of the true pixels")
    save(figure, picture)
