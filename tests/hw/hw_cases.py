"""Command lists with random data, and what the definition makes of them: material for the tests of the whole core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dlk.hw import command as commands
from dlk.hw import golden, layout
from dlk.hw.command import Command, RowPattern
from dlk.hw.sim.model import Options, Run, Simulator
from dlk.lowering.program import Thresholds

LIST = 0x80
PATTERNS: dict[str, tuple[Callable[[int, int, int], RowPattern], Callable[[int, int, int], tuple[int, int, int]]]] = {
    "plain": (commands.plain, lambda h, w, c: (h, w, c)),
    "depth_to_space": (commands.depth_to_space, lambda h, w, c: (2 * h, 2 * w, c // 4)),
    "space_to_depth": (commands.space_to_depth, lambda h, w, c: (h // 2, w // 2, 4 * c)),
}
"""The row patterns, and the shape that each makes of one that is stored."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One convolution: the stored input [height, width, channels], how it is read, and what is made of it."""

    stored: tuple[int, int, int]
    outputs: int
    kernel: tuple[int, int] = (3, 3)
    padding: tuple[int, int] = (1, 1)
    pattern: str = "plain"
    sums: bool = False
    sum_words: int = 8
    slots: int = 0
    """Rows that the row buffer holds; 0: as many as fit."""

    @property
    def seen(self) -> tuple[int, int, int]:
        """The input's shape as the window sees it."""
        return PATTERNS[self.pattern][1](*self.stored)

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of the output, with the same padding on both sides where the kernel is odd."""
        (height, width, _), (kh, kw), (top, left) = self.seen, self.kernel, self.padding
        return max(height + 2 * top - kh + 1, 1), max(width + 2 * left - kw + 1, 1)

    @property
    def words(self) -> int:
        """Words of the output."""
        height, width = self.output
        return layout.groups_of(self.outputs) * height * width * (self.sum_words if self.sums else 1)

    @property
    def steps(self) -> int:
        """Steps of the array."""
        height, width = self.output
        taps = self.kernel[0] * self.kernel[1]
        return layout.groups_of(self.outputs) * height * -(-width // 4) * layout.groups_of(self.seen[2]) * taps


@dataclass(slots=True)
class Case:
    """A memory with a list of commands; ``outputs``: address and words of each."""

    memory: NDArray[np.uint64]
    count: int
    outputs: list[tuple[int, int]]

    def expected(self) -> NDArray[np.uint64]:
        """Return the memory after the commands, by the definition."""
        memory = self.memory.copy()
        golden.run(golden.Memory(memory), LIST, self.count)
        return memory


def case(layers: Sequence[Layer], seed: int, *, chained: bool = False) -> Case:
    """Return a case of these layers on random data; ``chained``: each reads what the one before it wrote."""
    rng = np.random.default_rng(seed)
    chunks: list[tuple[int, NDArray[np.uint64]]] = []
    end = LIST + 128 * len(layers)

    def place(words: NDArray[np.uint64] | int) -> int:
        nonlocal end
        address = -(-end // 128) * 128
        if isinstance(words, int):
            end = address + 8 * words
        else:
            end = address + 8 * words.size
            chunks.append((address, words.ravel()))
        return address

    outputs = []
    for number, layer in enumerate(layers):
        if chained and number:
            source = outputs[-1][0]
        else:
            source = place(layout.pack_codes(rng.integers(0, 4, layer.stored, np.uint8)))
        passes = [parameters(layer, rng, first) for first in range(0, layer.outputs, layout.CHANNELS)]
        address = place(np.concatenate(passes))
        target = place(layer.words)
        outputs.append((target, layer.words))
        chunks.append((LIST + 128 * number, command(layer, source, target, address).words()))
    memory = np.full(-(-end // 128) * 16, 0xDEAD_BEEF_DEAD_BEEF, np.uint64)
    for address, words in chunks:
        memory[address // 8 : address // 8 + words.size] = words
    return Case(memory, len(layers), outputs)


def parameters(layer: Layer, rng: np.random.Generator, first: int) -> NDArray[np.uint64]:
    """Return the words of the pass that begins with this output: thresholds around 0, both directions, some extreme."""
    count = min(layout.CHANNELS, layer.outputs - first)
    weights = rng.choice(np.array([-1, 1], np.int8), (*layer.kernel, layer.seen[2], count))
    spread = int(3 * np.sqrt(layer.kernel[0] * layer.kernel[1] * layer.seen[2])) + 2
    directions = rng.choice(np.array([-1, 1], np.int8), count)
    values = np.sort(rng.integers(-spread, spread + 1, (count, 3)), axis=1)
    values[directions < 0] = values[directions < 0, ::-1]
    extreme = rng.random((count, 3))
    values[extreme < 0.05] = layout.SUM_MAX
    values[extreme > 0.95] = layout.SUM_MIN
    return layout.pack_pass(weights, Thresholds(values.astype(np.int32), directions))


def command(layer: Layer, source: int, target: int, address: int) -> Command:
    """Return the command of a layer."""
    (height, width, channels), (out_height, out_width) = layer.seen, layer.output
    groups, pitch = layout.groups_of(channels), commands.pitch_of(width)
    result = Command(
        sums=layer.sums, sum_words=layer.sum_words if layer.sums else 0,
        groups=groups, passes=layout.groups_of(layer.outputs),
        kernel_height=layer.kernel[0], kernel_width=layer.kernel[1], top=layer.padding[0], left=layer.padding[1],
        in_height=height, in_width=width, out_height=out_height, out_width=out_width,
        source=source, target=target, parameters=address,
        pass_bytes=8 * (32 + 16 * groups * layer.kernel[0] * layer.kernel[1]),
        pitch=pitch, slot_words=groups * pitch, slots=commands.ROW_WORDS // (groups * pitch),
        pattern=PATTERNS[layer.pattern][0](layer.stored[2], *layer.stored[:2]),
    )  # fmt: skip
    return replace(result, slots=layer.slots) if layer.slots else result


def simulate(library: object, case: Case, options: Options | None = None) -> tuple[Run, NDArray[np.uint64]]:
    """Run a case in simulation; return the registers and the memory after it."""
    with Simulator(library, case.memory.nbytes, options) as sim:  # type: ignore[arg-type]
        sim.memory[:] = case.memory
        run = sim.run(LIST, case.count, limit=2_000_000)
        return run, sim.memory.copy()
