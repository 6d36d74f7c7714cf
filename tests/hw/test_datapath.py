"""The modules that count, one by one in Icarus Verilog, against numpy."""

from __future__ import annotations

from pathlib import Path

import hw_bench
import numpy as np
import pytest
from numpy.typing import NDArray

from dlk.hw import golden, layout
from dlk.lowering.program import Thresholds

pytestmark = pytest.mark.needs("iverilog")

PIXELS, CH_IN, OUTPUTS, GROUPS, STEPS = 4, 32, 4, 8, 16
ACT_LATENCY, WORD_LATENCY = 5, 22


def test_the_memory_reads_what_stood_there_before_the_write_of_the_same_cycle(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    content: dict[int, int] = {}
    cycles, expected = [], []
    for _ in range(400):
        write, where, what, read = (int(rng.integers(n)) for n in (2, 16, 1 << 12, 16))
        cycles.append({"write": write, "write_address": where, "write_data": what, "read_address": read})
        expected.append(content.get(read))
        if write:
            content[where] = what
    seen = hw_bench.run(
        tmp_path, "dlk_ram", {"write": 1, "write_address": 4, "write_data": 12, "read_address": 4}, {"read_data": 12},
        cycles, {"WIDTH": 12, "DEPTH": 16},
    )  # fmt: skip
    assert [cycle["read_data"] for cycle in seen[1:]] == expected[:-1]


@pytest.mark.parametrize("channels", [8, 31, 32])
def test_the_popcount_is_the_sum_of_the_codes_with_weight_one(tmp_path: Path, channels: int) -> None:
    rng = np.random.default_rng(channels)
    full = (1 << channels) - 1
    words = [(full, full, full), (full, 0, full), (0, full, full)]
    words += [tuple(int(v) for v in rng.integers(0, full + 1, 3)) for _ in range(200)]
    bits = int(3 * channels).bit_length()
    seen = hw_bench.run(
        tmp_path, "dlk_popcount", {"weights": channels, "low": channels, "high": channels}, {"count": bits},
        [dict(zip(("weights", "low", "high"), word, strict=True)) for word in words],
        {"CH_IN": channels, "COUNT_BITS": bits},
    )  # fmt: skip
    counts = [(w & a).bit_count() + 2 * (w & b).bit_count() for w, a, b in words]
    assert [cycle["count"] for cycle in seen[3:]] == counts[:-3]


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("sums", [0, 1])
def test_the_requantiser_counts_thresholds_in_both_directions(tmp_path: Path, direction: int, sums: int) -> None:
    rng = np.random.default_rng(direction + 5)
    cycles, limits, wanted = [], np.zeros(3, np.int64), []
    for number in range(300):
        if number % 10 == 0:
            middle, a = int(rng.integers(2, 1 << 14)), int(rng.integers(0, 1 << 15))
        p = middle + int(rng.integers(-1, 2))  # S stays near its thresholds, and often on one
        s = 2 * p - a
        wanted.append((s, limits.copy()))
        cycle = {"positive": p, "total": a, "sums": sums}
        if number % 10 == 0:
            near = rng.integers(-2, 3, 3) + np.array([s, -32768, 32767])[rng.integers(0, 3, 3)]
            pending = np.clip(near, layout.SUM_MIN, layout.SUM_MAX)
            word = sum((int(v) & 0xFFFF ^ (0xFFFF if direction < 0 else 0)) << 16 * i for i, v in enumerate(pending))
            cycle |= {"write": 1, "write_data": word | (direction < 0) << 48}
        if number % 10 == 5:
            cycle |= {"swap": 1}
            limits = pending
        cycles.append(cycle)
    ports = {"write": 1, "write_data": 49, "swap": 1, "sums": 1, "positive": 15, "total": 15}
    seen = hw_bench.run(tmp_path, "dlk_requantiser", ports, {"sum": 16, "code": 2}, cycles)
    for number in range(10, len(cycles) - 2):
        s, limits = wanted[number][0], wanted[number + 1][1]  # the thresholds meet S one cycle later
        if sums:
            assert seen[number + 2]["sum"] == s & 0xFFFF
        else:
            thresholds = Thresholds(limits[None].astype(np.int32), np.array([direction], np.int8))
            code = golden.requantise(np.array([[[s]]], np.int32), thresholds).item()
            assert seen[number + 2]["code"] == code, number


def test_the_weight_buffer_reads_one_half_while_the_other_fills(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    content = [int(v) for v in rng.integers(0, 1 << 16, 16)]
    cycles = [{"write": 1, "write_address": i, "write_data": content[i]} for i in range(8)]
    cycles += [
        {"write": 1, "write_address": 8 + i, "write_data": content[8 + i], "read_address": 7 - i} for i in range(8)
    ]
    cycles += [{"read_address": 8 + i} for i in range(8)] + [{}] * 2
    ports = {"write": 1, "write_address": 4, "write_data": 16, "read_address": 4}
    seen = hw_bench.run(tmp_path, "dlk_weight_buffer", ports, {"weights": 16}, cycles, {"BITS": 16, "STEPS": 8})
    assert [cycle["weights"] for cycle in seen[10:26]] == content[7::-1] + content[8:]


def test_the_row_buffer_gives_neighbours_at_any_offset_and_zero_outside(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    words, pitch, width, slots = 256, 16, 13, 16
    content = [int(v) for v in rng.integers(0, 1 << 63, words)]
    cycles: list[dict[str, int]] = [
        {"write": 1, "write_place": i, "write_data": content[i], "in_width": width} for i in range(words)
    ]
    wanted: list[int | None] = [None] * words
    for _ in range(400):
        x, slot, row, valid = (
            int(rng.integers(-9, 24)),
            int(rng.integers(slots)),
            rng.random() < 0.8,
            rng.random() < 0.8,
        )
        cycles.append({
            "step_valid": valid, "step_row": row, "step_line": slot * pitch // PIXELS, "step_x": x & (1 << 18) - 1,
            "in_width": width,
        })  # fmt: skip
        pixels = [content[slot * pitch + x + p] if row and valid and 0 <= x + p < width else 0 for p in range(PIXELS)]
        wanted.append(sum(pixel << 64 * p for p, pixel in enumerate(pixels)))
    ports = {
        "write": 1, "write_place": 8, "write_data": 64, "step_valid": 1, "step_row": 1, "step_line": 6, "step_x": 18,
        "in_width": 16,
    }  # fmt: skip
    seen = hw_bench.run(tmp_path, "dlk_row_buffer", ports, {"act": 256}, cycles, {"ROW_WORDS": words})
    for number in range(words, len(cycles) - ACT_LATENCY):
        assert seen[number + ACT_LATENCY]["act"] == wanted[number], number


def test_the_total_is_the_sum_of_all_codes_of_a_tile(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    steps, tiles = 6, 8
    codes = rng.integers(0, 4, (tiles, steps, PIXELS, CH_IN), np.uint8)
    cycles = [{"act": _act(codes[t, s])} for t in range(tiles) for s in range(steps)] + [{}] * 8
    cycles = [dict(cycle) for cycle in cycles]
    for tile in range(tiles):
        cycles[tile * steps + 3]["first"] = 1
        cycles[tile * steps + steps - 1 + 4]["load"] = 1
        for pixel in range(PIXELS):
            if (at := tile * steps + steps + 4 + pixel) < len(cycles):
                cycles[at]["pixel"] = pixel
    seen = hw_bench.run(tmp_path, "dlk_total", {"act": 256, "first": 1, "load": 1, "pixel": 2}, {"total": 15}, cycles)
    for tile in range(tiles - 1):
        found = [seen[tile * steps + steps + 5 + pixel]["total"] for pixel in range(PIXELS)]
        assert found == codes[tile].sum((0, 2)).tolist()


@pytest.mark.parametrize(("sum_words", "steps"), [(0, 4), (0, 9), (1, 5), (3, 12), (8, 32)])
def test_the_array_makes_words_of_codes_or_sums_tile_after_tile(tmp_path: Path, sum_words: int, steps: int) -> None:
    """Tiles as close as they may follow each other: the words of one leave while the next is counted."""
    rng = np.random.default_rng(steps)
    tiles = 5
    codes = rng.integers(0, 4, (tiles, steps, PIXELS, CH_IN), np.uint8)
    weights = rng.choice(np.array([-1, 1], np.int8), (1, steps, CH_IN, 32))
    directions = rng.choice(np.array([-1, 1], np.int8), 32)
    thresholds = Thresholds(rng.integers(-40, 41, (32, 3)).astype(np.int32), directions)
    words = [int(word) for word in layout.pack_pass(weights, thresholds)]

    cycles: list[dict[str, int]] = []
    for output, word in enumerate(words[:32]):
        inverted = word ^ ((1 << 48) - 1) if word >> 48 else word
        cycles.append({"threshold_write": 1 << output, "threshold_write_data": inverted})
    for step in range(steps):
        for group in range(GROUPS):
            low, high = words[32 + 16 * step + 2 * group : 34 + 16 * step + 2 * group]
            cycles.append({
                "weight_write": 1 << group, "weight_write_address": step, "weight_write_data": high << 64 | low
            })  # fmt: skip
    cycles += [{"swap": 1}] + [{}] * (GROUPS + 4)
    begin = len(cycles)
    last_pixels = [3, 3, 0, 2, 3]
    cycles += [{} for _ in range(tiles * steps + WORD_LATENCY + 40)]
    for number in range(tiles * steps):
        tile, step = divmod(number, steps)
        cycles[begin + number] |= {
            "step_first": step == 0, "step_last": step == steps - 1, "step_last_pixel": last_pixels[tile],
            "step_weights": step,
        }  # fmt: skip
        cycles[begin + number + ACT_LATENCY]["act"] = _act(codes[tile, step])
    for cycle in cycles:
        cycle |= {"sums": sum_words > 0, "last_slot": max(sum_words - 1, 0)}
    cycles[0] |= {"reset": 1}
    ports = {
        "reset": 1, "sums": 1, "last_slot": 3, "step_first": 1, "step_last": 1, "step_last_pixel": 2, "step_weights": 6,
        "act": 256, "swap": 1, "weight_write": 8, "weight_write_address": 6, "weight_write_data": 128,
        "threshold_write": 32, "threshold_write_data": 49,
    }  # fmt: skip
    outputs = {"swapped": 1, "word_valid": 1, "word_last": 1, "word": 64}
    seen = hw_bench.run(tmp_path, "dlk_array", ports, outputs, cycles, {"STEPS": 32})

    sums = np.einsum("tspc,sco->tpo", codes.astype(np.int32), weights[0].astype(np.int32))
    expected = []
    for tile, last in enumerate(last_pixels):
        some = sums[tile : tile + 1, : last + 1]
        if sum_words:
            made = layout.pack_sums(some.astype(np.int16)[:, :, None], sum_words)
        else:
            made = layout.pack_codes(golden.requantise(some, thresholds))
        expected += [(int(word), i == made.size - 1) for i, word in enumerate(made.ravel())]
    found = [(cycle["word"], bool(cycle["word_last"])) for cycle in seen[1:] if cycle["word_valid"]]
    assert found == expected
    first = next(i for i, cycle in enumerate(seen) if i and cycle["word_valid"])
    assert first == begin + steps - 1 + WORD_LATENCY


def _act(codes: NDArray[np.uint8]) -> int:
    """Return the array's input of codes [pixels, channels]."""
    words = layout.pack_codes(codes[None])
    return sum(int(word) << 64 * pixel for pixel, word in enumerate(words.ravel()))
