"""The final graph as a picture: one box a step from top to bottom, what skips steps in lanes of its own beside them.

An SVG that stands inside a page and takes its colours, by the names of classes; the same graph gives the same picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

BOX, HEIGHT, GAP = 290, 40, 16
LANE = 14
MARGIN = 6
QUANTIZED, FLOAT = "QuantConv", "FloatConv"
_CLASSES = {QUANTIZED: "quantized", FLOAT: "float", "Input": "end"}
_LONGEST_NAME, _LONGEST_KIND = 22, 30


@dataclass(frozen=True, slots=True)
class Skip:
    """What a step makes for others than the next one: rows of boxes, and the lane that leads from it to them."""

    source: int
    readers: tuple[int, ...]
    lane: int


def skips(steps: Sequence[Mapping[str, Any]]) -> tuple[Skip, ...]:
    """Return what skips steps. A lane is taken by one result at a time; the shortest come nearest to the boxes."""
    rows = {step["name"]: row for row, step in enumerate(steps)}
    readers: dict[int, list[int]] = {}
    for row, step in enumerate(steps):
        for name in dict.fromkeys(step["reads"]):
            if rows[name] != row - 1:
                readers.setdefault(rows[name], []).append(row)
    found: list[Skip] = []
    for source, to in sorted(readers.items(), key=lambda item: (max(item[1]) - item[0], item[0])):
        crossed = {skip.lane for skip in found if skip.source < max(to) and source < max(skip.readers)}
        lane = next(lane for lane in range(len(found) + 1) if lane not in crossed)
        found.append(Skip(source, tuple(to), lane))
    return tuple(sorted(found, key=lambda skip: skip.source))


def picture(steps: Sequence[Mapping[str, Any]]) -> str:
    """Return the SVG of the steps of a report's final graph."""
    beside = skips(steps)
    lanes = max((skip.lane + 1 for skip in beside), default=0)
    width = MARGIN + BOX + (lanes + 1) * LANE + MARGIN if lanes else BOX + 2 * MARGIN
    height = len(steps) * (HEIGHT + GAP) - GAP + 2 * MARGIN
    words = f"{len(steps) - 1} steps from {steps[0]['name']} to the output, {len(beside)} results skip steps"
    body = "\n".join([*_arrows(steps), *map(_skip, beside), *(_box(row, step) for row, step in enumerate(steps))])
    return (
        f'<svg class="graph" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(words)}">\n{body}\n</svg>'
    )


def _top(row: int) -> int:
    return MARGIN + row * (HEIGHT + GAP)


def _arrows(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Draw what each step gives to the next one."""
    middle = MARGIN + BOX // 2
    for row, step in enumerate(steps[1:], 1):
        if steps[row - 1]["name"] in step["reads"]:
            yield f'<path class="line" d="M{middle} {_top(row) - GAP}V{_top(row) - 5}"/>{_down(middle, _top(row))}'


def _skip(skip: Skip) -> str:
    """Draw a line out of a box, down its lane, and into each box that reads it; the ends of two never meet."""
    edge = MARGIN + BOX
    x = edge + (skip.lane + 1) * LANE
    out = _top(skip.source) + HEIGHT - 10
    ins = [_top(row) + 10 for row in skip.readers]
    line = f"M{edge} {out}H{x}V{ins[-1]}" + "".join(f"M{x} {y}H{edge + 5}" for y in ins)
    return f'<path class="skip" d="{line}"/>' + "".join(_left(edge, y) for y in ins)


def _down(x: int, y: int) -> str:
    return f'<path class="tip" d="M{x} {y}l-4 -6h8z"/>'


def _left(x: int, y: int) -> str:
    return f'<path class="skiptip" d="M{x} {y}l6 -4v8z"/>'


def _box(row: int, step: Mapping[str, Any]) -> str:
    top = _top(row)
    height, width, channels = step["shape"]
    bits = "float" if step["bits"] == 32 else f"{step['bits']} bit"
    kind = " ".join(part for part in (step["op"], step["window"]) if part)
    name = escape(shortened(step["name"], _LONGEST_NAME))
    left, right = MARGIN + 10, MARGIN + BOX - 10
    return (
        f"<g><title>{escape(step['name'])}: {escape(kind)}</title>"
        f'<rect class="box {_CLASSES.get(step["op"], "move")}" x="{MARGIN}" y="{top}" width="{BOX}" '
        f'height="{HEIGHT}" rx="5"/>'
        f'<text class="name" x="{left}" y="{top + 16}">{name}</text>'
        f'<text class="small" x="{left}" y="{top + 32}">{escape(shortened(kind, _LONGEST_KIND))}</text>'
        f'<text class="right" x="{right}" y="{top + 16}">{height}×{width}×{channels}</text>'
        f'<text class="small right" x="{right}" y="{top + 32}">{bits}</text></g>'
    )


def shortened(text: str, longest: int) -> str:
    """Return a text with its middle left out where it is too long for its place."""
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[: longest - 1 - half]}…{text[-half:]}"
