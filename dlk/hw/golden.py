"""What the accelerator computes, in numpy: the definition that the RTL is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlk.hw.command import COMMAND_WORDS, Command
from dlk.hw.layout import BYTES, CHANNELS, LEVELS, Words, pack_codes, pack_sums, unpack_codes, unpack_pass
from dlk.lowering.program import Thresholds


@dataclass(frozen=True, slots=True)
class Memory:
    """A flat memory of 64-bit words that is addressed in bytes."""

    words: Words

    def read(self, address: int, count: int) -> Words:
        """Return ``count`` words from a byte address, a multiple of 8."""
        first = address // BYTES
        return self.words[first : first + count]

    def write(self, address: int, words: Words) -> None:
        """Store words from a byte address on."""
        first = address // BYTES
        self.words[first : first + words.size] = words.ravel()


def run(memory: Memory, address: int, count: int) -> None:
    """Run ``count`` commands from a byte address; every one sees what those before it wrote."""
    for number in range(count):
        words = memory.read(address + number * COMMAND_WORDS * BYTES, COMMAND_WORDS)
        run_command(memory, Command.from_words(words))


def run_command(memory: Memory, command: Command) -> None:
    """Read the input and the parameters of one command and write its output."""
    codes = read_input(memory, command)
    taps = command.kernel_height * command.kernel_width
    results = []
    for number in range(command.passes):
        steps = command.groups * taps
        count = command.pass_bytes // BYTES
        words = memory.read(command.parameters + number * command.pass_bytes, count)
        weights, thresholds = unpack_pass(words, steps)
        sums = _sums(codes, weights, command)
        results.append(sums if command.sums else requantise(sums, thresholds))
    output = np.stack(results, axis=2)
    if command.sums:
        memory.write(command.target, pack_sums(output.astype(np.int16), command.sum_words))
    else:
        memory.write(command.target, pack_codes(output.reshape(*output.shape[:2], -1).astype(np.uint8)))


def read_input(memory: Memory, command: Command) -> NDArray[np.uint8]:
    """Return the codes uint8 [in_height, in_width, 32 G] that the row pattern brings into the row buffer."""
    p = command.pattern
    rows = np.zeros((command.in_height, command.groups, command.in_width), np.uint64)
    index = np.arange(p.run)
    inside = (index & p.word_shift) * p.odd_place + (index >> p.word_shift) * p.word_place
    for row in range(command.in_height):
        slot = np.zeros(command.slot_words, np.uint64)
        base = command.source + (row >> p.row_shift) * p.row_high + (row & p.row_shift) * p.row_low
        for outer in range(p.outer):
            for inner in range(p.inner):
                words = memory.read(base + outer * p.outer_source + inner * p.inner_source, p.run)
                slot[outer * p.outer_place + inner * p.inner_place + inside] = words
        rows[row] = slot[: command.groups * command.pitch].reshape(command.groups, command.pitch)[:, : command.in_width]
    return unpack_codes(np.moveaxis(rows, 1, 0), command.groups * CHANNELS)


def requantise(sums: NDArray[np.int32], thresholds: Thresholds) -> NDArray[np.uint8]:
    """Return codes uint8 [H, W, outputs] of sums: how many of the three thresholds hold."""
    rising = thresholds.directions > 0
    codes = np.zeros(sums.shape, np.uint8)
    for i in range(LEVELS):
        limit = thresholds.values[:, i]
        codes += np.where(rising, sums >= limit, sums <= limit)
    return codes


def _sums(codes: NDArray[np.uint8], weights: NDArray[np.int8], command: Command) -> NDArray[np.int32]:
    """Return S int32 [out_height, out_width, 32] of one pass; weights int8 [steps, inputs, outputs]."""
    kh, kw = command.kernel_height, command.kernel_width
    height, width = command.out_height, command.out_width
    padded = np.zeros((height + kh - 1, width + kw - 1, codes.shape[2]), np.uint8)
    rows = min(codes.shape[0], padded.shape[0] - command.top)
    columns = min(codes.shape[1], padded.shape[1] - command.left)
    padded[command.top : command.top + rows, command.left : command.left + columns] = codes[:rows, :columns]
    kernel = weights.reshape(command.groups, kh, kw, CHANNELS, -1).transpose(1, 2, 0, 3, 4)
    kernel = kernel.reshape(kh, kw, command.groups * CHANNELS, -1).astype(np.float32)
    total = np.zeros((height * width, kernel.shape[-1]), np.float32)
    for ky in range(kh):
        for kx in range(kw):
            window = padded[ky : ky + height, kx : kx + width].reshape(height * width, -1).astype(np.float32)
            total += window @ kernel[ky, kx]  # exact: all sums are integers far below 2^24
    return total.astype(np.int32).reshape(height, width, -1)
