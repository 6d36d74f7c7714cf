"""The charts of a profile, as SVG: the roofline, and a bar for each layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from blueoil.report.figure import svg
from blueoil.report.profile import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dlk.profile.roofline import LayerProfile

QUANTIZED, OTHER, LIMIT = "#1f5fa8", "#c45a00", "#222222"
"""Told apart without colour too: by the marker in the roofline, by hatching in the bars."""


def roofline(profile: Profile) -> str:
    """Draw every layer that computes under the roof of this machine: operations a second over operations a byte."""
    from matplotlib.figure import Figure

    layers = [(number, layer) for number, layer in enumerate(profile.layers, 1) if layer.operations]
    intensities = [layer.operations / layer.bytes for _, layer in layers]
    ceilings = profile.ceilings
    figure = Figure(figsize=(7.2, 5.2), layout="constrained")
    axes = figure.subplots()
    ridge = ceilings.bit_adds / ceilings.bytes
    low, high = min([ridge / 4, *intensities]) / 2, max([ridge * 10, *intensities]) * 2
    _roof(axes, ceilings.bit_adds, ceilings.bytes, (low, high), "-", "Gbit-add/s: quantized convolutions")
    if any(not layer.quantized for _, layer in layers):
        _roof(axes, ceilings.macs, ceilings.bytes, (low, high), "--", "G float multiply-adds/s")
    for quantized, color, marker, label in (
        (True, QUANTIZED, "o", "quantized convolution"),
        (False, OTHER, "D", "float convolution"),
    ):
        chosen = [(number, layer) for number, layer in layers if layer.quantized == quantized]
        if chosen:
            _points(axes, chosen, color, marker, label)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(None, ceilings.bit_adds * 1.9))
    axes.set_xlabel("operations a byte (bit-adds, or float multiply-adds)")
    axes.set_ylabel("operations a second")
    axes.set_title(f"Roofline; memory {ceilings.bytes / 1e9:,.0f} GB/s; numbers as in the table")
    axes.grid(which="major", alpha=0.3)
    axes.legend(loc="lower right", fontsize=9)
    return svg(figure)


def bars(profile: Profile) -> str:
    """Draw the time of each layer, and beside it the least time that the roofline allows."""
    from matplotlib.figure import Figure

    names = [f"{number}  {layer.facts.name}" for number, layer in enumerate(profile.layers, 1)]
    figure = Figure(figsize=(7.2, 1.1 + 0.24 * len(names)), layout="constrained")
    axes = figure.subplots()
    for quantized, color, hatch, label in (
        (True, QUANTIZED, "", "quantized convolution"),
        (False, OTHER, "////", "everything else"),
    ):
        rows = [row for row, layer in enumerate(profile.layers) if layer.quantized == quantized]
        times = [profile.layers[row].seconds * 1000 for row in rows]
        if rows:
            axes.barh(rows, times, color=color, hatch=hatch, edgecolor="white", height=0.72, label=label)
    limits = [layer.limit_seconds * 1000 for layer in profile.layers]
    rows = list(range(len(limits)))
    axes.vlines(limits, [r - 0.42 for r in rows], [r + 0.42 for r in rows], color=LIMIT, lw=2.2, label="roofline limit")
    longest = max([layer.seconds * 1000 for layer in profile.layers] + limits)
    for row, layer in enumerate(profile.layers):
        end = max(layer.seconds, layer.limit_seconds) * 1000 + 0.012 * longest
        axes.text(end, row, f"{100 * profile.share(layer):.1f} %", va="center", fontsize=8.5)
    axes.set_yticks(rows, names, fontsize=9)
    axes.invert_yaxis()
    axes.set(xlim=(0, longest * 1.12), xlabel="milliseconds, and share of the whole", title="Time of each layer")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(loc="best", fontsize=8.5)
    return svg(figure)


def _roof(axes: Axes, peak: float, bandwidth: float, ends: tuple[float, float], style: str, label: str) -> None:
    xs = [ends[0], peak / bandwidth, ends[1]]
    axes.plot(xs, [min(peak, bandwidth * x) for x in xs], style, color=LIMIT, lw=1.6)
    axes.text(ends[1] / 1.15, peak * 1.06, f"{peak / 1e9:,.0f} {label}", ha="right", va="bottom", fontsize=9)


def _points(axes: Axes, chosen: list[tuple[int, LayerProfile]], color: str, marker: str, label: str) -> None:
    """Draw points; the labels of neighbours stand above and below in turn, and equal points share one."""
    xs = [layer.operations / layer.bytes for _, layer in chosen]
    ys = [layer.per_second(layer.operations) for _, layer in chosen]
    axes.plot(xs, ys, marker, color=color, markersize=7, markeredgecolor="white", label=label, linestyle="none")
    points = zip(xs, ys, (number for number, _ in chosen), strict=True)
    for turn, (x, y, numbers) in enumerate(sorted(_together(points))):
        above = turn % 2 == 0
        axes.annotate(
            ", ".join(map(str, numbers)),
            (x, y),
            textcoords="offset points",
            xytext=(0, 8 if above else -8),
            va="bottom" if above else "top",
            ha="center",
            fontsize=9,
        )


def _together(points: Iterable[tuple[float, float, int]]) -> list[tuple[float, float, list[int]]]:
    """Return points (x, y, number) as groups of those that lie on top of each other in a logarithmic chart."""
    groups: list[tuple[float, float, list[int]]] = []
    for x, y, number in points:
        near = next((group for group in groups if _near(group[0], x) and _near(group[1], y)), None)
        if near is None:
            groups.append((x, y, [number]))
        else:
            near[2].append(number)
    return groups


def _near(a: float, b: float) -> bool:
    return abs(a - b) < 0.12 * max(a, b)
