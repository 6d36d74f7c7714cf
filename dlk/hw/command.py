"""One command of the accelerator: a table of fields in sixteen words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from dlk.hw.layout import BYTES, Words, groups_of

COMMAND_WORDS = 16
CONVOLUTION = 1
ROW_WORDS = 8192
"""Words of the row buffer."""
STEPS = 256
"""Steps of a pass that the weight buffer holds."""
MOST_KERNEL = 7
LANES = 4
"""Pixels that the array works on at once (PIXELS)."""

FIELDS: Mapping[str, tuple[int, int, int]] = {
    "opcode": (0, 0, 8),
    "sums": (0, 8, 1),
    "sum_words": (0, 12, 4),
    "groups": (0, 16, 8),
    "passes": (0, 24, 8),
    "kernel_height": (0, 32, 4),
    "kernel_width": (0, 36, 4),
    "top": (0, 40, 4),
    "left": (0, 44, 4),
    "in_height": (1, 0, 16),
    "in_width": (1, 16, 16),
    "out_height": (1, 32, 16),
    "out_width": (1, 48, 16),
    "source": (2, 0, 32),
    "target": (2, 32, 32),
    "parameters": (3, 0, 32),
    "pass_bytes": (3, 32, 32),
    "pitch": (4, 0, 16),
    "slot_words": (4, 16, 16),
    "slots": (4, 32, 16),
    "run": (4, 48, 16),
    "row_low": (5, 0, 32),
    "row_high": (5, 32, 32),
    "outer_source": (6, 0, 32),
    "inner_source": (6, 32, 32),
    "outer_place": (7, 0, 16),
    "inner_place": (7, 16, 16),
    "odd_place": (7, 32, 16),
    "word_place": (7, 48, 16),
    "outer": (8, 0, 8),
    "inner": (8, 8, 8),
    "row_shift": (8, 16, 1),
    "word_shift": (8, 17, 1),
}
"""Word, lowest bit and bits of each field."""


@dataclass(frozen=True, slots=True)
class RowPattern:
    """How a row of the input comes into its slot of the row buffer; the fields of README.md, "Row pattern"."""

    run: int
    row_low: int
    row_high: int
    outer_source: int
    inner_source: int
    outer_place: int
    inner_place: int
    odd_place: int
    word_place: int
    outer: int
    inner: int
    row_shift: int
    word_shift: int


@dataclass(frozen=True, slots=True)
class Command:
    """A convolution; addresses in bytes, all else in pixels, words or counts. The fields of README.md."""

    sums: bool
    sum_words: int
    groups: int
    passes: int
    kernel_height: int
    kernel_width: int
    top: int
    left: int
    in_height: int
    in_width: int
    out_height: int
    out_width: int
    source: int
    target: int
    parameters: int
    pass_bytes: int
    pitch: int
    slot_words: int
    slots: int
    pattern: RowPattern

    def words(self) -> Words:
        """Return the command as it stands in memory, uint64 [16].

        Raises:
            ValueError: a value does not fit its field.
        """
        values = {"opcode": CONVOLUTION, **{f.name: getattr(self, f.name) for f in fields(self) if f.name != "pattern"}}
        values |= {f.name: getattr(self.pattern, f.name) for f in fields(self.pattern)}
        packed = [0] * COMMAND_WORDS
        for name, (word, low, bits) in FIELDS.items():
            if not 0 <= int(values[name]) < 1 << bits:
                raise ValueError(f"{name} within {bits} bits, not {values[name]}")
            packed[word] |= int(values[name]) << low
        return np.array(packed, np.uint64)

    @classmethod
    def from_words(cls, words: Words) -> Command:
        """Return the command that stands in memory."""
        values = {name: int(words[word]) >> low & ((1 << bits) - 1) for name, (word, low, bits) in FIELDS.items()}
        if values.pop("opcode") != CONVOLUTION:
            raise ValueError("an opcode that is known")
        pattern = RowPattern(**{f.name: values.pop(f.name) for f in fields(RowPattern)})
        return cls(**{**values, "sums": bool(values["sums"])}, pattern=pattern)  # type: ignore[arg-type]


def pitch_of(width: int) -> int:
    """Return the words that one group of a row takes in the row buffer."""
    return -(-width // LANES) * LANES


def plain(channels: int, height: int, width: int) -> RowPattern:
    """Return the pattern of an input that lies as it is read, [H, W, C]."""
    return RowPattern(
        run=width, row_low=0, row_high=BYTES * width, outer_source=BYTES * height * width, inner_source=0,
        outer_place=pitch_of(width), inner_place=0, odd_place=0, word_place=1,
        outer=groups_of(channels), inner=1, row_shift=0, word_shift=0,
    )  # fmt: skip


def depth_to_space(channels: int, height: int, width: int) -> RowPattern:
    """Return the pattern that reads [H, W, C] as [2 H, 2 W, C / 4]; C is a multiple of 128."""
    groups = groups_of(channels) // 4
    area = BYTES * height * width
    return RowPattern(
        run=width, row_low=2 * groups * area, row_high=BYTES * width, outer_source=area, inner_source=groups * area,
        outer_place=pitch_of(2 * width), inner_place=1, odd_place=0, word_place=2,
        outer=groups, inner=2, row_shift=1, word_shift=0,
    )  # fmt: skip


def space_to_depth(channels: int, height: int, width: int) -> RowPattern:
    """Return the pattern that reads [H, W, C] as [H / 2, W / 2, 4 C]; C is a multiple of 32, H and W are even."""
    groups = groups_of(channels)
    pitch = pitch_of(width // 2)
    return RowPattern(
        run=width, row_low=0, row_high=2 * BYTES * width,
        outer_source=BYTES * height * width, inner_source=BYTES * width,
        outer_place=pitch, inner_place=2 * groups * pitch, odd_place=groups * pitch, word_place=1,
        outer=groups, inner=2, row_shift=0, word_shift=1,
    )  # fmt: skip
