"""The curves of a training run: results.csv -> results.png."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Series = dict[str, tuple[list[int], list[float]]]

_FEW = 30
"""Points below which a curve gets markers, for one point makes no line."""
_LEAST_RATE = 1e-4
"""Part of the largest learning rate below which the axis ends: a cosine falls to nothing."""


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


def draw(results: Path, picture: Path, *, title: str = "", float_results: Path | None = None) -> None:
    """Draw loss, learning rate, mIoU with pixel accuracy, and the IoU of each class over the steps.

    Args:
        results: of the network; may be absent where there are float results.
        picture: PNG, replaced when it is whole.
        title: above the picture.
        float_results: of the float twin that was trained first. Its steps end at 0, where those of the network begin,
            on grey.
    """
    from matplotlib.figure import Figure

    from blueoil.report.figure import save

    twin = _before_0(read(float_results)) if float_results else {}
    stages = (twin, read(results) if results.is_file() else {})
    figure = Figure(figsize=(11, 7), dpi=100, layout="constrained")
    figure.suptitle(title)
    (loss, scores), (rate, classes) = figure.subplots(2, 2, sharex=True)
    names = {name for stage in stages for name in stage}
    iou = {name: name.removeprefix("iou/") for stage in stages for name in stage if name.startswith("iou/")}
    for axes, heading, curves in (
        (loss, "Loss", {"loss": "loss"}),
        (rate, "Learning rate", {"learning_rate": "learning rate"}),
        (scores, "Validation", {"mean_iou": "mean IoU", "pixel_accuracy": "pixel accuracy"}),
        (classes, "IoU of each class", iou),
    ):
        _panel(axes, heading, stages, curves)
        if twin:
            _shade(axes, min(steps[0] for steps, _ in twin.values()))
    if "learning_rate" in names:
        rate.set_yscale("log")
        lowest, highest = rate.get_ylim()
        rate.set_ylim(bottom=max(lowest, highest * _LEAST_RATE))
    for axes in (scores, classes):
        axes.set_ylim(0, 1)
    for axes in (rate, classes):
        axes.set_xlabel("step (before 0: of the float twin)" if twin else "step")
    save(figure, picture)


def _before_0(series: Series) -> Series:
    """Return the curves with steps that end at 0."""
    last = max((steps[-1] for steps, _ in series.values()), default=0)
    return {name: ([step - last for step in steps], values) for name, (steps, values) in series.items()}


def _panel(axes: Axes, title: str, stages: tuple[Series, Series], names: Mapping[str, str]) -> None:
    """Draw some columns, each in one colour through both stages."""
    color: Callable[[int], str] = _colors().__getitem__
    for index, (name, label) in enumerate(names.items()):
        for stage in stages:
            steps, values = stage.get(name, ([], []))
            marker = "o" if len(steps) < _FEW else None
            axes.plot(steps, values, label=label, marker=marker, markersize=3, color=color(index % 20))
            label = "_"  # one entry in the legend for both
    axes.set_title(title)
    axes.grid(alpha=0.3)
    if len(names) > 1:
        # Beside the panel: curves of many classes leave no empty corner.
        axes.legend(fontsize="x-small", loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _shade(axes: Axes, first: int) -> None:
    axes.axvspan(first, 0, color="0.93", zorder=0)
    axes.axvline(0, color="0.5", linewidth=1, zorder=1)


def _colors() -> list[str]:
    import matplotlib

    return [matplotlib.colors.to_hex(color) for color in matplotlib.colormaps["tab20"].colors]  # type: ignore[attr-defined]
