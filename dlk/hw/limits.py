"""What the accelerator can't do: a table of limits, asked of each layer, so that all misfits are told at once.

Sums need no row: with binary weights, codes of two bits and STEPS * 32 inputs they stay within 16 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dlk.errors import DlkError
from dlk.hw.command import MOST_KERNEL, ROW_WORDS, STEPS, pitch_of
from dlk.hw.layout import CHANNELS, groups_of
from dlk.lowering.program import DepthToSpace, Kind, QuantConv, SpaceToDepth, Tensor

MOST_BITS = 2
MOST_SIZE = (1 << 16) - 1
MOST_GROUPS = (1 << 8) - 1
Move = SpaceToDepth | DepthToSpace
MULTIPLES: dict[type[Move], int] = {SpaceToDepth: CHANNELS, DepthToSpace: 4 * CHANNELS}
"""Channels that a move reads are a multiple of this: it moves whole groups."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """What one layer has that the accelerator lacks."""

    layer: str
    found: str
    expected: str
    fix: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.layer}: {self.found} ({self.expected})"


class MisfitError(DlkError):
    """A network that does not fit the accelerator, with every layer that does not."""

    def __init__(self, network: str, misfits: Sequence[Misfit]) -> None:
        super().__init__(
            "the network does not fit the accelerator",
            where=network,
            expected="only layers that the accelerator has, from the first to the last quantized convolution",
            received="; ".join(map(str, misfits)),
            fix="; ".join(dict.fromkeys(misfit.fix for misfit in misfits)) + "; or leave the target fpga out",
        )
        self.misfits = tuple(misfits)


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution with the tensors at its ends; ``source`` as the window sees it, after a move."""

    step: QuantConv
    source: Tensor
    result: Tensor

    @property
    def kernel(self) -> tuple[int, int]:
        """Return rows and columns of the kernel."""
        return self.step.window.kernel

    @property
    def steps(self) -> int:
        """Return the cycles that the array takes for a tile."""
        return groups_of(self.source.shape[2]) * self.kernel[0] * self.kernel[1]

    @property
    def slot_words(self) -> int:
        """Return the words of an input row in the row buffer."""
        return groups_of(self.source.shape[2]) * pitch_of(self.source.shape[1])

    @property
    def after(self) -> tuple[int, int]:
        """Return the rows and columns of padding behind the picture, negative where it is not all seen."""
        rows, columns = (
            out - 1 + kernel - before - size
            for out, kernel, before, size in zip(
                self.result.shape, self.kernel, self.step.window.before, self.source.shape, strict=False
            )
        )
        return rows, columns


@dataclass(frozen=True, slots=True)
class Limit:
    """``part``: what is limited; ``found`` tells what a convolution has when it breaks it, else nothing."""

    part: str
    found: Callable[[Convolution], str | None]
    expected: str
    fix: str


def _kernel(layer: Convolution) -> str | None:
    rows, columns = layer.kernel
    return f"a kernel of {rows}x{columns}" if max(rows, columns) > MOST_KERNEL else None


def _stride(layer: Convolution) -> str | None:
    return f"stride {layer.step.window.stride}" if layer.step.window.stride != 1 else None


def _padding(layer: Convolution) -> str | None:
    before, after = layer.step.window.before, layer.after
    fits = all(0 <= b < k and a < k for k, b, a in zip(layer.kernel, before, after, strict=True))
    return None if fits or layer.step.window.stride != 1 else f"padding of {before} before and {after} after"


def _weights(layer: Convolution) -> str | None:
    return "ternary weights" if not np.all(layer.step.weights) else None


def _bits(layer: Convolution) -> str | None:
    wide = [t.bits for t in (layer.source, layer.result) if t.kind is Kind.CODES and t.bits > MOST_BITS]
    return f"activations of {max(wide)} bits" if wide else None


def _steps(layer: Convolution) -> str | None:
    rows, columns = layer.kernel
    words = f"{layer.source.shape[2]} input channels with a kernel of {rows}x{columns}, {layer.steps} steps"
    return words if layer.steps > STEPS else None


def _rows(layer: Convolution) -> str | None:
    rows = min(layer.kernel[0], layer.source.shape[0])
    _, width, channels = layer.source.shape
    words = f"{rows} rows of {width} pixels with {channels} channels, {rows * layer.slot_words} words"
    return words if rows * layer.slot_words > ROW_WORDS else None


def _size(layer: Convolution) -> str | None:
    sizes = [*layer.source.shape[:2], *layer.result.shape[:2]]
    return f"{max(sizes)} rows or columns" if max(sizes) > MOST_SIZE else None


def _outputs(layer: Convolution) -> str | None:
    channels = max(layer.source.shape[2], layer.result.shape[2])
    return f"{channels} channels" if groups_of(channels) > MOST_GROUPS else None


LIMITS: tuple[Limit, ...] = (
    Limit("kernel", _kernel, f"at most {MOST_KERNEL}x{MOST_KERNEL}", "take a smaller kernel"),
    Limit("stride", _stride, "stride 1", "move pixels into channels by space_to_depth instead of a stride"),
    Limit("padding", _padding, "less than the kernel on each side", "pad by SAME"),
    Limit("weights", _weights, "-1 and +1", "take a binary weight quantizer"),
    Limit("activations", _bits, f"at most {MOST_BITS} bits", f"take an activation quantizer of {MOST_BITS} bits"),
    Limit(
        "steps of a tile",
        _steps,
        f"at most {STEPS} steps: groups of {CHANNELS} channels times the kernel",
        "take fewer channels",
    ),
    Limit("row buffer", _rows, f"at most {ROW_WORDS} words", "take a smaller image size, or fewer channels"),
    Limit("rows and columns", _size, f"at most {MOST_SIZE}", "take a smaller image size"),
    Limit("channels", _outputs, f"at most {MOST_GROUPS * CHANNELS} channels", "take fewer channels"),
)


def misfits_of(layer: Convolution, limits: Sequence[Limit] = LIMITS) -> Iterator[Misfit]:
    """Yield every limit that a convolution breaks, of our own accelerator or of another one's table."""
    for limit in limits:
        found = limit.found(layer)
        if found is not None:
            yield Misfit(layer.step.name, found, limit.expected, limit.fix)


def misfits_of_move(move: Move, source: Tensor) -> Iterator[Misfit]:
    """Yield what hinders the accelerator to read a tensor by the move. A plain block is 2x2; dlk.codegen checks it."""
    multiple = MULTIPLES[type(move)]
    if source.shape[2] % multiple:
        kind = "space_to_depth" if isinstance(move, SpaceToDepth) else "depth_to_space"
        found = f"{kind} of {source.shape[2]} channels"
        yield Misfit(move.name, found, f"a multiple of {multiple}", f"make the channels a multiple of {multiple}")
