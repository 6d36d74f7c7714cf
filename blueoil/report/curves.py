"""The curves of a training run: results.csv -> results.png."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Series = dict[str, tuple[list[int], list[float]]]


def read(file: Path) -> Series:
    """Return for each column of a results.csv its steps and values; cells that weren't measured are left out."""
    series: Series = {}
    with file.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            for name, cell in row.items():
                if name != "step" and cell:
                    steps, values = series.setdefault(name, ([], []))
                    steps.append(int(row["step"]))
                    values.append(float(cell))
    return series


def draw(results: Path, picture: Path, *, title: str = "") -> None:
    """Draw loss, learning rate, mIoU with pixel accuracy, and the IoU of each class over the steps."""
    from matplotlib.figure import Figure

    from blueoil.report.figure import save

    series = read(results)
    figure = Figure(figsize=(11, 7), dpi=100, layout="constrained")
    figure.suptitle(title)
    (loss, scores), (rate, classes) = figure.subplots(2, 2, sharex=True)
    _lines(loss, series, {"loss": "loss"}, "Loss")
    _lines(rate, series, {"learning_rate": "learning rate"}, "Learning rate")
    _lines(scores, series, {"mean_iou": "mean IoU", "pixel_accuracy": "pixel accuracy"}, "Validation")
    per_class = {name: name.removeprefix("iou/") for name in series if name.startswith("iou/")}
    _lines(classes, series, per_class, "IoU of each class")
    if series.get("learning_rate"):
        rate.set_yscale("log")
    for axes in (scores, classes):
        axes.set_ylim(0, 1)
    for axes in (rate, classes):
        axes.set_xlabel("step")
    save(figure, picture)


def _lines(axes: Axes, series: Series, names: dict[str, str], title: str) -> None:
    """Draw some columns; a short one gets markers, for one point makes no line."""
    colors = _colors()
    for index, (name, label) in enumerate(names.items()):
        steps, values = series.get(name, ([], []))
        marker = "o" if len(steps) < 30 else None
        axes.plot(steps, values, label=label, marker=marker, markersize=3, color=colors[index % len(colors)])
    axes.set_title(title)
    axes.grid(alpha=0.3)
    if len(names) > 1:
        axes.legend(fontsize="x-small", ncols=2 if len(names) > 4 else 1)


def _colors() -> list[str]:
    import matplotlib

    return [matplotlib.colors.to_hex(color) for color in matplotlib.colormaps["tab20"].colors]  # type: ignore[attr-defined]
