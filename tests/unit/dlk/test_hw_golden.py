"""The accelerator's memory layouts and numpy model, against convolutions written out pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlk.hw import command as commands
from dlk.hw import golden, layout
from dlk.hw.command import Command, RowPattern
from dlk.lowering.program import Thresholds

SOURCE, PARAMETERS, LIST, TARGET, WORDS = 0x1000, 0x80000, 0xC0000, 0x100000, 1 << 18


def _codes(seed: int, *shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 4, shape, np.uint8)


@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 70), st.integers(0, 99))
def test_codes_come_back_from_words(height: int, width: int, channels: int, seed: int) -> None:
    codes = _codes(seed, height, width, channels)
    words = layout.pack_codes(codes)
    assert words.shape == (-(-channels // 32), height, width)
    np.testing.assert_array_equal(layout.unpack_codes(words, channels), codes)


def test_a_word_holds_both_planes_of_a_pixel() -> None:
    codes = np.zeros((1, 2, 33), np.uint8)
    codes[0, 1, 5], codes[0, 1, 31], codes[0, 0, 32] = 1, 2, 3
    words = layout.pack_codes(codes)
    assert words.tolist() == [[[0, 1 << 5 | 1 << 63]], [[1 | 1 << 32, 0]]]


def test_parameters_lie_where_the_array_looks_for_them() -> None:
    weights = -np.ones((1, 2, 40, 6), np.int8)
    weights[0, 1, 33, 5] = 1  # group 1, tap 1: step 3; output 5 is the upper half of word 2
    thresholds = Thresholds(np.array([[-2, 0, 7]] * 5 + [[7, 0, -2]], np.int32), np.array([1] * 5 + [-1], np.int8))
    words = layout.pack_pass(weights, thresholds)
    assert words.size == 32 + 4 * 16
    assert words[0] == 0xFFFE | 0 << 16 | 7 << 32
    assert words[5] == 7 | 0 << 16 | 0xFFFE << 32 | 1 << 48
    assert words[6] == 0x7FFF_7FFF_7FFF  # never
    assert {i: int(word) for i, word in enumerate(words[32:]) if word} == {3 * 16 + 2: 1 << 33}
    back, found = layout.unpack_pass(words, 4)
    assert back[3, 1, 5] == 1
    assert (back == 1).sum() == 1
    np.testing.assert_array_equal(found.values[:6], thresholds.values)


def test_a_threshold_that_is_no_int16_is_refused() -> None:
    far = Thresholds(np.array([[0, 0, 40_000]], np.int32), np.ones(1, np.int8))
    with pytest.raises(ValueError, match=r"-32768\.\.32767"):
        layout.pack_pass(np.ones((1, 1, 32, 1), np.int8), far)


def test_a_command_comes_back_from_its_words_and_refuses_what_does_not_fit() -> None:
    command = _command((4, 6, 64), 33, (3, 5), commands.plain(64, 4, 6), sums=True)
    assert Command.from_words(command.words()) == command
    with pytest.raises(ValueError, match="in_width within 16 bits, not 65536"):
        _command((4, 1 << 16, 64), 33, (3, 5), commands.plain(64, 4, 6), sums=False, check=False).words()


def _command(
    shape: tuple[int, int, int], outputs: int, kernel: tuple[int, int], pattern: RowPattern, *, sums: bool,
    check: bool = True,
) -> Command:  # fmt: skip
    height, width, channels = shape
    groups = layout.groups_of(channels)
    pitch = commands.pitch_of(width)
    steps = groups * kernel[0] * kernel[1]
    command = Command(
        sums=sums, sum_words=8 if sums else 0, groups=groups, passes=layout.groups_of(outputs),
        kernel_height=kernel[0], kernel_width=kernel[1], top=kernel[0] // 2, left=kernel[1] // 2,
        in_height=height, in_width=width, out_height=height, out_width=width,
        source=SOURCE, target=TARGET, parameters=PARAMETERS, pass_bytes=8 * (32 + 16 * steps),
        pitch=pitch, slot_words=groups * pitch, slots=kernel[0], pattern=pattern,
    )  # fmt: skip
    if check:
        assert command.slots * command.slot_words <= commands.ROW_WORDS
    return command


PATTERNS = {
    "plain": (commands.plain, lambda x: x),
    "depth_to_space": (
        commands.depth_to_space,
        lambda x: (
            x.reshape(*x.shape[:2], 2, 2, -1).transpose(0, 2, 1, 3, 4).reshape(2 * x.shape[0], 2 * x.shape[1], -1)
        ),
    ),
    "space_to_depth": (
        commands.space_to_depth,
        lambda x: (
            x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, -1)
            .transpose(0, 2, 1, 3, 4)
            .reshape(x.shape[0] // 2, x.shape[1] // 2, -1)
        ),
    ),
}


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(sorted(PATTERNS)), st.integers(1, 3), st.integers(1, 5), st.integers(1, 2), st.integers(1, 70),
    st.sampled_from([(1, 1), (3, 3), (1, 5), (7, 3)]), st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_the_model_computes_a_convolution_of_what_the_pattern_reads(
    name: str, height: int, width: int, groups: int, outputs: int, kernel: tuple[int, int], sums: bool, seed: int
) -> None:
    make, move = PATTERNS[name]
    channels = groups * (128 if name == "depth_to_space" else 32)
    stored = _codes(seed, 2 * height, 2 * width, channels)
    codes = move(stored)
    rng = np.random.default_rng(seed)
    weights = rng.choice(np.array([-1, 1], np.int8), (*kernel, codes.shape[2], outputs))
    expected = _convolve(codes, weights)
    reach = 3 * kernel[0] * kernel[1] * codes.shape[2]
    directions = rng.choice(np.array([-1, 1], np.int8), outputs)
    values = np.sort(rng.integers(-reach // 8, reach // 8 + 1, (outputs, 3)), axis=1)
    values[directions < 0] = values[directions < 0, ::-1]
    thresholds = Thresholds(values.astype(np.int32), directions)

    command = _command(codes.shape, outputs, kernel, make(stored.shape[2], *stored.shape[:2]), sums=sums)
    memory = golden.Memory(np.zeros(WORDS, np.uint64))
    memory.write(SOURCE, layout.pack_codes(stored))
    parts = range(0, outputs, 32)
    passes = [
        layout.pack_pass(weights[..., i : i + 32], Thresholds(thresholds.values[i : i + 32], directions[i : i + 32]))
        for i in parts
    ]
    memory.write(PARAMETERS, np.concatenate(passes))
    memory.write(LIST, command.words())
    golden.run(memory, LIST, 1)

    h, w, _ = codes.shape
    if sums:
        sum_words = memory.read(TARGET, command.passes * h * w * 8).reshape(command.passes, h, w, 8)
        np.testing.assert_array_equal(layout.unpack_sums(sum_words, outputs), expected)
        return
    words = memory.read(TARGET, command.passes * h * w).reshape(command.passes, h, w)
    rising = directions > 0
    wanted = sum(np.where(rising, expected >= values[:, i], expected <= values[:, i]) for i in range(3))
    np.testing.assert_array_equal(layout.unpack_codes(words, outputs), wanted)
    rest = layout.unpack_codes(words, command.passes * 32)[..., outputs:]
    assert not rest.any()


def _convolve(codes: NDArray[np.uint8], weights: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return S of a SAME convolution, one window after another."""
    kh, kw, _, outputs = weights.shape
    padded = np.pad(codes.astype(np.int64), ((kh // 2, kh // 2), (kw // 2, kw // 2), (0, 0)))
    result = np.zeros((*codes.shape[:2], outputs), np.int64)
    for y in range(codes.shape[0]):
        for x in range(codes.shape[1]):
            result[y, x] = np.einsum("ijc,ijco->o", padded[y : y + kh, x : x + kw], weights.astype(np.int64))
    return result
