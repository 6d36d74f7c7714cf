"""How codes, sums and parameters lie in the accelerator's memory: numpy arrays to 64-bit words and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlk.lowering.program import Thresholds

CHANNELS = 32
"""Channels of a group: inputs of a step and outputs of a pass (CH_IN and CH_OUT of the array)."""
GROUP_OUTPUTS = 4
SUM_MIN, SUM_MAX = -(1 << 15), (1 << 15) - 1
LEVELS = 3
"""Thresholds of a channel: codes have two bits."""
THRESHOLD_WORDS, STEP_WORDS = CHANNELS, CHANNELS // 2
BYTES = 8
"""Bytes of a word."""
ALIGNMENT = 128
"""Every base address is a multiple of it, bytes."""

Words = NDArray[np.uint64]


def groups_of(channels: int) -> int:
    """Return how many groups of 32 hold this many channels."""
    return -(-channels // CHANNELS)


def pack_codes(codes: NDArray[np.uint8]) -> Words:
    """Return words uint64 [groups, H, W] of codes uint8 [H, W, C], 0..3."""
    height, width, channels = codes.shape
    full = np.zeros((height, width, groups_of(channels) * CHANNELS), np.uint8)
    full[:, :, :channels] = codes
    planes = np.stack([full & 1, full >> 1], axis=-1).reshape(height, width, -1, CHANNELS, 2)
    bits = np.packbits(np.moveaxis(planes, -1, -2), axis=-1, bitorder="little")  # [H, W, G, plane, 4 bytes]
    words = np.ascontiguousarray(bits).reshape(height, width, -1, BYTES).view("<u8")[..., 0]
    return np.ascontiguousarray(np.moveaxis(words, -1, 0)).astype(np.uint64)


def unpack_codes(words: Words, channels: int) -> NDArray[np.uint8]:
    """Return codes uint8 [H, W, channels] of words uint64 [groups, H, W]."""
    groups, height, width = words.shape
    octets = np.ascontiguousarray(words.astype("<u8")).view(np.uint8).reshape(groups, height, width, 2, BYTES // 2)
    bits = np.unpackbits(octets, axis=-1, bitorder="little")  # [G, H, W, plane, 32]
    codes: NDArray[np.uint8] = bits[..., 0, :] + 2 * bits[..., 1, :]
    return np.moveaxis(codes, 0, 2).reshape(height, width, -1)[:, :, :channels].copy()


def unpack_sums(words: Words, channels: int) -> NDArray[np.int16]:
    """Return sums int16 [H, W, channels] of words uint64 [passes, H, W, n]."""
    passes, height, width, n = words.shape
    sums = np.ascontiguousarray(words.astype("<u8")).view("<i2").reshape(passes, height, width, n * GROUP_OUTPUTS)
    return np.moveaxis(sums, 0, 2).reshape(height, width, -1)[:, :, :channels].astype(np.int16)


def pack_sums(sums: NDArray[np.int16], n: int) -> Words:
    """Return words uint64 [passes, H, W, n] of sums int16 [H, W, passes, 32]; n words hold the first 4 n of a pass."""
    height, width, passes, _ = sums.shape
    used = np.ascontiguousarray(np.moveaxis(sums[..., : n * GROUP_OUTPUTS], 2, 0).astype("<i2"))
    return used.view("<u8").reshape(passes, height, width, n).astype(np.uint64)


def pack_pass(weights: NDArray[np.int8], thresholds: Thresholds | None) -> Words:
    """Return the parameters uint64 [32 + 16 steps] of one pass.

    Args:
        weights: int8 [kh, kw, C, outputs], -1 and +1; at most 32 outputs.
        thresholds: of these outputs, at most three each; None where sums are written.

    Raises:
        ValueError: a threshold is no int16.
    """
    kh, kw, channels, outputs = weights.shape
    groups = groups_of(channels)
    ones = np.zeros((groups * CHANNELS, kh, kw, CHANNELS), np.uint8)
    ones[:channels, :, :, :outputs] = np.moveaxis(weights, 2, 0) > 0
    steps = ones.reshape(groups, CHANNELS, kh * kw, CHANNELS).transpose(0, 2, 3, 1)  # [group, tap, output, input]
    words = np.packbits(np.ascontiguousarray(steps), axis=-1, bitorder="little").reshape(-1, BYTES).view("<u8")
    return np.concatenate([_threshold_words(thresholds, outputs), words[:, 0].astype(np.uint64)])


def _threshold_words(thresholds: Thresholds | None, outputs: int) -> Words:
    values = np.full((CHANNELS, LEVELS), SUM_MAX, np.int64)
    falling = np.zeros(CHANNELS, bool)
    if thresholds is not None:
        falling[:outputs] = thresholds.directions < 0
        values[falling] = SUM_MIN
        values[:outputs, : thresholds.values.shape[1]] = thresholds.values
    if values.min() < SUM_MIN or values.max() > SUM_MAX:
        raise ValueError(f"thresholds within {SUM_MIN}..{SUM_MAX}")
    fields = np.zeros((CHANNELS, 4), np.uint16)
    fields[:, :LEVELS] = values.astype(np.int16).view(np.uint16)
    fields[:, LEVELS] = falling
    return fields.astype("<u2").view("<u8")[:, 0].astype(np.uint64)


def unpack_pass(words: Words, steps: int) -> tuple[NDArray[np.int8], Thresholds]:
    """Return weights int8 [steps, 32 inputs, 32 outputs] and the thresholds of a pass's words."""
    fields = words[:THRESHOLD_WORDS].astype("<u8").view("<u2").reshape(CHANNELS, 4)
    values = np.ascontiguousarray(fields[:, :LEVELS]).view("<i2").astype(np.int32)
    directions = np.where(fields[:, LEVELS] & 1, -1, 1).astype(np.int8)
    octets = words[THRESHOLD_WORDS : THRESHOLD_WORDS + steps * STEP_WORDS].astype("<u8").view(np.uint8)
    bits = np.unpackbits(octets.reshape(steps, CHANNELS, CHANNELS // 8), axis=-1, bitorder="little")
    return (bits.astype(np.int8) * 2 - 1).transpose(0, 2, 1), Thresholds(values, directions)
