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
    """``part``: what is limited; ``found`` tells what a convolution has when it breaks it, else nothing.

    used, most: the same in numbers, how much of it a convolution takes and how much there is, where it can be counted.
    """

    part: str
    found: Callable[[Convolution], str | None]
    expected: str
    fix: str
    used: Callable[[Convolution], int] | None = None
    most: int = 0


def _counted(
    part: str,
    used: Callable[[Convolution], int],
    most: int,
    words: Callable[[Convolution], str],
    expected: str,
    fix: str,
) -> Limit:
    """Return a limit that a convolution breaks where it uses more than ``most``; ``words`` says what it has."""

    def found(layer: Convolution) -> str | None:
        return words(layer) if used(layer) > most else None

    return Limit(part, found, expected, fix, used, most)


def _kernel(layer: Convolution) -> str:
    rows, columns = layer.kernel
    return f"a kernel of {rows}x{columns}"


def _excess(layer: Convolution) -> int:
    """Return the most pixels by which padding is not less than the kernel, or hides a part of the picture."""
    if layer.step.window.stride != 1:
        return 0  # the stride is told alone
    sides = zip(layer.kernel, layer.step.window.before, layer.after, strict=True)
    return max(
        0, *(over for kernel, before, after in sides for over in (before - kernel + 1, after - kernel + 1, -before))
    )


def _padding(layer: Convolution) -> str:
    return f"padding of {layer.step.window.before} before and {layer.after} after"


def _zeros(layer: Convolution) -> int:
    return layer.step.weights.size - int(np.count_nonzero(layer.step.weights))


def _bits(layer: Convolution) -> int:
    return max(tensor.bits for tensor in (layer.source, layer.result) if tensor.kind is Kind.CODES)


def _steps(layer: Convolution) -> str:
    rows, columns = layer.kernel
    return f"{layer.source.shape[2]} input channels with a kernel of {rows}x{columns}, {layer.steps} steps"


def _row_words(layer: Convolution) -> int:
    return min(layer.kernel[0], layer.source.shape[0]) * layer.slot_words


def _rows(layer: Convolution) -> str:
    rows = min(layer.kernel[0], layer.source.shape[0])
    _, width, channels = layer.source.shape
    return f"{rows} rows of {width} pixels with {channels} channels, {_row_words(layer)} words"


def _size(layer: Convolution) -> int:
    return max(*layer.source.shape[:2], *layer.result.shape[:2])


def _channels(layer: Convolution) -> int:
    return max(layer.source.shape[2], layer.result.shape[2])


LIMITS: tuple[Limit, ...] = (
    _counted(
        "kernel",
        lambda layer: max(layer.kernel),
        MOST_KERNEL,
        _kernel,
        f"at most {MOST_KERNEL}x{MOST_KERNEL}",
        "take a smaller kernel",
    ),
    _counted(
        "stride",
        lambda layer: layer.step.window.stride,
        1,
        lambda layer: f"stride {layer.step.window.stride}",
        "stride 1",
        "move pixels into channels by space_to_depth instead of a stride",
    ),
    _counted("padding", _excess, 0, _padding, "less than the kernel on each side", "pad by SAME"),
    _counted("weights", _zeros, 0, lambda _: "ternary weights", "-1 and +1", "take a binary weight quantizer"),
    _counted(
        "activations",
        _bits,
        MOST_BITS,
        lambda layer: f"activations of {_bits(layer)} bits",
        f"at most {MOST_BITS} bits",
        f"take an activation quantizer of {MOST_BITS} bits",
    ),
    _counted(
        "steps of a tile",
        lambda layer: layer.steps,
        STEPS,
        _steps,
        f"at most {STEPS} steps: groups of {CHANNELS} channels times the kernel",
        "take fewer channels",
    ),
    _counted(
        "row buffer",
        _row_words,
        ROW_WORDS,
        _rows,
        f"at most {ROW_WORDS} words",
        "take a smaller image size, or fewer channels",
    ),
    _counted(
        "rows and columns",
        _size,
        MOST_SIZE,
        lambda layer: f"{_size(layer)} rows or columns",
        f"at most {MOST_SIZE}",
        "take a smaller image size",
    ),
    _counted(
        "channels",
        _channels,
        MOST_GROUPS * CHANNELS,
        lambda layer: f"{_channels(layer)} channels",
        f"at most {MOST_GROUPS * CHANNELS} channels",
        "take fewer channels",
    ),
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
