"""The statistics of a dataset as tables, as JSON, and as a bar chart of the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blueoil.console import Console

if TYPE_CHECKING:
    from lmnet.datasets.statistics import Statistics

    Splits = Mapping[str, Statistics]
    """Name of a split to what it holds."""

_COLORS, _HATCHES = ("#1f5fa8", "#c45a00"), ("", "////")
"""Of the splits, told apart without colour too."""

_CHANNELS = ("red", "green", "blue")


def tell(console: Console, classes: Sequence[str], splits: Splits) -> None:
    """Print for each split pixels, share and number of images of each class, void, and the colours."""
    columns = [f"{split} {what}" for split in splits for what in ("pixels", "share", "images")]
    rows = [
        [name, *(cell for found in splits.values() for cell in _class_cells(found, index))]
        for index, name in enumerate(classes)
    ]
    void = [cell for found in splits.values() for cell in (f"{found.void:,}", _percent(found.void_share), "")]
    console.table(["class", *columns], [*rows, ["void", *void]])
    console.say("Shares of the classes are of the labelled pixels, that of void is of all.")
    rows = [
        [name, *(f"{value:.1f}" for found in splits.values() for value in (found.mean[i], found.deviation[i]))]
        for i, name in enumerate(_CHANNELS)
    ]
    columns = [f"{split} {what}" for split in splits for what in ("mean", "deviation")]
    console.table(["channel, 0 to 255", *columns], rows)


def document(classes: Sequence[str], splits: Splits) -> dict[str, Any]:
    """Return the statistics as JSON takes them."""
    return {
        split: {
            "images": found.images,
            "classes": {
                name: {"pixels": int(pixels), "share": float(share), "images": int(images)}
                for name, pixels, share, images in zip(classes, found.pixels, found.shares, found.holding, strict=True)
            },
            "void": {"pixels": found.void, "share": found.void_share},
            "mean": dict(zip(_CHANNELS, found.mean.tolist(), strict=True)),
            "deviation": dict(zip(_CHANNELS, found.deviation.tolist(), strict=True)),
        }
        for split, found in splits.items()
    }


def draw(classes: Sequence[str], splits: Splits, picture: Path, *, title: str = "") -> None:
    """Draw the share of each class in each split as bars on a logarithmic scale: the rare ones are what matters."""
    from matplotlib.figure import Figure

    from blueoil.report.figure import save

    figure = Figure(figsize=(8, 1.6 + 0.42 * len(classes)), dpi=100, layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(splits)
    for number, (split, found) in enumerate(splits.items()):
        places = [index + (number - (len(splits) - 1) / 2) * height for index in range(len(classes))]
        shares = [100 * share for share in found.shares.tolist()]
        label = f"{split}: {found.images} images, {_percent(found.void_share)} void"
        axes.barh(places, shares, height, label=label, color=_COLORS[number], hatch=_HATCHES[number], edgecolor="white")
        for place, share in zip(places, shares, strict=True):
            text = f" {share:.2f} %" if share else " absent"
            axes.annotate(text, (share or _least(splits), place), va="center", fontsize=8)
    axes.set(xscale="log", xlim=(_least(splits), 300), title=title, xlabel="share of the labelled pixels, percent")
    axes.set_yticks(range(len(classes)), classes)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=len(splits), fontsize=9)
    save(figure, picture)


def _least(splits: Splits) -> float:
    """Return where the scale begins, percent: below the smallest share."""
    smallest = min((float(share) for found in splits.values() for share in found.shares if share), default=0.01)
    return 100 * smallest / 2


def _class_cells(found: Statistics, index: int) -> tuple[str, str, str]:
    return f"{found.pixels[index]:,}", _percent(float(found.shares[index])), str(found.holding[index])


def _percent(share: float) -> str:
    """Return a share 0..1 with two decimals: rare classes have less than 0.1 %."""
    return f"{100 * share:.2f} %"
