"""One frame in simulation: the list of commands, compared with the definition, and each command alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlk.errors import InternalError
from dlk.hw import golden
from dlk.hw.command import COMMAND_WORDS, Command
from dlk.hw.layout import BYTES, CHANNELS, pack_codes, unpack_codes
from dlk.hw.sim.model import DONE, Run, Simulator
from dlk.lowering.program import Accelerated

COMMAND_BYTES = COMMAND_WORDS * BYTES


@dataclass(frozen=True, slots=True)
class Measured:
    """What the registers told. ``layers``: each command in a run of its own, by the layer's name; empty if not asked.

    values, mismatches: codes and sums that the list wrote, and how many of them the definition has otherwise.
    """

    network: Run
    layers: dict[str, Run]
    values: int
    mismatches: int

    @property
    def stall_share(self) -> float:
        """Return the part of the cycles in which a tile waited."""
        return self.network.stalls / self.network.cycles


def measure(library: Path, step: Accelerated, codes: NDArray[np.uint8], *, alone: bool = False) -> Measured:
    """Run the list on one frame, and with ``alone`` each command by itself after it.

    library: what dlk.hw.sim.build.build returned. codes: uint8 [H, W, C] that the first layer reads.
    A run that ends in an error, or a command that alone writes something else than in the list, is an InternalError.
    """
    slot, count = step.slots[0], len(step.layers)
    memory = np.zeros(step.size // BYTES, np.uint64)
    memory[: step.image.size] = step.image
    golden.Memory(memory).write(slot.input, pack_codes(codes))
    expected = golden.Memory(memory.copy())
    golden.run(expected, slot.commands, count)
    with Simulator(library, step.size) as sim:
        sim.memory[:] = memory
        network = _finished(sim.run(slot.commands, count), step.name)
        written = golden.Memory(sim.memory.copy())
        layers = {}
        for number, name in enumerate(step.layers) if alone else ():
            layers[name] = _finished(sim.run(slot.commands + number * COMMAND_BYTES, 1), name)
        if not np.array_equal(sim.memory, written.words):
            raise InternalError("a command alone wrote something else than in the list", where=step.name)
    values = mismatches = 0
    for number in range(count):
        command = Command.from_words(memory[slot.commands // BYTES + number * COMMAND_WORDS :][:COMMAND_WORDS])
        got, want = (_values(place, command) for place in (written, expected))
        values += want.size
        mismatches += int(np.count_nonzero(got != want))
    return Measured(network, layers, values, mismatches)


def _finished(run: Run, name: str) -> Run:
    if run.status != DONE:
        raise InternalError("the accelerator refused a command", where=name, received=str(run))
    return run


def _values(memory: golden.Memory, command: Command) -> NDArray[np.int64]:
    """Return what a command wrote as single values: sums, or the two bit-planes of the codes put together."""
    words = command.passes * command.out_height * command.out_width * max(command.sum_words, 1)
    found = memory.read(command.target, words).astype("<u8")
    if command.sums:
        return found.view("<i2").astype(np.int64)
    return unpack_codes(found.reshape(1, 1, -1), CHANNELS).astype(np.int64)
