"""From recorded instructions to cycles, layer by layer, and from a low image to the whole one.

A run is recorded at 16 rows of the full width: every kind of row then occurs, and a tile of pixels costs what it
costs in a high image. What a step costs grows with its tiles (convolutions) or its rows (all else).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blueoil.bench.arm.mca import Core, cycles
from blueoil.bench.arm.phases import phases
from blueoil.bench.arm.record import Recording
from blueoil.bench.arm.tools import Llvm

if TYPE_CHECKING:
    from dlk.lowering.program import Program

RECORDED_HEIGHT = 16
WORD = 64  # pixels of a lane


@dataclass(frozen=True, slots=True)
class Layer:
    """A quantized convolution: inputs K and outputs; pixels of a tile; tiles recorded and of the whole image."""

    inputs: int
    outputs: int
    tile: int
    recorded_tiles: int
    tiles: int


@dataclass(frozen=True, slots=True)
class Cost:
    """A segment of the recorded run: cycles and instructions of each phase.

    vectors: instructions whose name begins with v, on ARMv7 those of NEON and VFP; scale: to the whole image.
    """

    name: str
    cycles: dict[str, float]
    instructions: dict[str, int]
    vectors: int
    scale: float
    layer: Layer | None

    @property
    def total(self) -> float:
        """Cycles of the recorded run."""
        return sum(self.cycles.values())

    @property
    def macs_per_cycle(self) -> float | None:
        """Multiply-adds of whole tiles for each cycle."""
        if self.layer is None:
            return None
        return self.layer.inputs * self.layer.outputs * self.layer.tile * self.layer.recorded_tiles / self.total


def layers(recorded: Program, whole: Program, lanes: int) -> dict[str, Layer]:
    """Return the quantized convolutions by name; the two programs are the same network at two heights."""
    from dlk.lowering.program import QuantConv

    found = {}
    for step in whole.steps:
        if isinstance(step, QuantConv):
            kernel, _, inputs, outputs = step.weights.shape
            tiles = [_tiles(program, step.input, lanes) for program in (recorded, whole)]
            found[step.name] = Layer(kernel * kernel * inputs, outputs, WORD * lanes, *tiles)
    return found


def _tiles(program: Program, tensor: str, lanes: int) -> int:
    from dlk.codegen.parameters import parameters

    layout = parameters(program, lanes).arena.layouts[tensor]
    return -(-layout.height * layout.stride // (WORD * lanes))


def costs(recording: Recording, core: Core, llvm: Llvm, known: dict[str, Layer], rows: float) -> list[Cost]:
    """Simulate each phase of each segment. rows: height of the whole image over the recorded one."""
    all_addresses = (address for block in recording.blocks.values() for address in block)
    phase = phases(recording.program, all_addresses, llvm)
    last_conv = next(reversed(known))
    found = []
    for segment in recording.segments:
        code: dict[str, list[str]] = defaultdict(list)
        for address in recording.addresses(segment):
            code[phase[address]].append(recording.text[address])
        name = last_conv if segment.name == "end" else segment.name
        layer = known.get(name)
        scale = layer.tiles / layer.recorded_tiles if layer else rows
        found.append(
            Cost(
                name,
                {key: cycles(lines, core, llvm) for key, lines in code.items()},
                {key: len(lines) for key, lines in code.items()},
                sum(line.startswith("v") for lines in code.values() for line in lines),
                scale,
                layer,
            )
        )
    return found


def network_cycles(found: list[Cost]) -> tuple[float, float]:
    """Return the cycles of the whole image: all, and those outside of the quantized convolutions."""
    total = sum(cost.total * cost.scale for cost in found)
    other = sum(cost.total * cost.scale for cost in found if cost.layer is None)
    return total, other
