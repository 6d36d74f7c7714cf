"""The modules that move words and walk over the picture, one by one in Icarus Verilog, against plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import hw_bench
import numpy as np
import pytest
from hw_cases import Layer, command

from dlk.hw.command import Command

pytestmark = pytest.mark.needs("iverilog")

LAYERS = {
    "plain": Layer((5, 9, 70), 32),
    "plain, five slots": Layer((7, 21, 32), 32, slots=5),
    "depth_to_space": Layer((3, 5, 256), 32, pattern="depth_to_space"),
    "space_to_depth": Layer((6, 10, 64), 32, pattern="space_to_depth", slots=3),
    "one pixel": Layer((1, 1, 32), 32, (1, 1), (0, 0)),
}


def _bursts(address: int, words: int) -> list[tuple[int, int]]:
    """Return the bursts, address and words, that a run is cut into."""
    bursts = []
    while words:
        some = min(words, 16 - address // 8 % 16)
        bursts.append((address, some))
        address, words = address + 8 * some, words - some
    return bursts


def test_the_splitter_cuts_at_128_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    runs = [(0, 1), (0, 16), (0, 17), (8, 16), (120, 1), (120, 2), (0xFFFF_FF00, 32)]
    runs += [(int(rng.integers(1 << 20)) * 8, int(rng.integers(1, 200))) for _ in range(20)]
    cycles: list[dict[str, int]] = [{"reset": 1}]
    for address, words in runs:
        cycles.append({"run_valid": 1, "run_address": address >> 3, "run_words": words})
        cycles += [{"burst_ready": int(rng.random() < 0.6)} for _ in range(80)]
    ports = {"reset": 1, "run_valid": 1, "run_address": 29, "run_words": 16, "burst_ready": 1}
    outputs = {"run_ready": 1, "burst_valid": 1, "burst_address": 32, "burst_words": 5, "idle": 1}
    seen = hw_bench.run(tmp_path, "dlk_splitter", ports, outputs, cycles)
    found = [
        (now["burst_address"], now["burst_words"])
        for now, given in zip(seen[1:], cycles[1:], strict=True)
        if now["burst_valid"] and given.get("burst_ready")
    ]
    assert found == [burst for run in runs for burst in _bursts(*run)]
    assert seen[-1]["idle"] == 1


@pytest.mark.parametrize("name", LAYERS)
def test_the_row_loader_follows_the_row_pattern(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(1)
    made = command(LAYERS[name], 0x1000, 0x8000, 0x4000)
    p, passes = made.pattern, 2
    rows = passes * made.in_height
    words = p.outer * p.inner * p.run
    fields = {
        "passes": passes, "in_height": made.in_height, "source": made.source, "slot_words": made.slot_words,
        "slots": made.slots, "run": p.run, "row_low": p.row_low, "row_high": p.row_high,
        "outer_source": p.outer_source, "inner_source": p.inner_source, "outer_place": p.outer_place,
        "inner_place": p.inner_place, "odd_place": p.odd_place, "word_place": p.word_place, "outer": p.outer,
        "inner": p.inner, "row_shift": p.row_shift, "word_shift": p.word_shift,
    }  # fmt: skip
    free_from = 2000  # until then no row is freed, and no more than the slots may be asked for
    cycles: list[dict[str, int]] = [{"reset": 1, **fields}, {"start": 1, **fields}]
    cycles += [{**fields, "burst_ready": 1, "row_free": int(i >= free_from and i % 40 == 0)} for i in range(4000)]
    left = rows * words
    for cycle in cycles[10:]:
        if left and rng.random() < 0.7:
            cycle["word_valid"] = 1
            left -= 1
    assert left == 0
    ports = {
        "reset": 1, "start": 1, "passes": 8, "in_height": 16, "source": 32, "slot_words": 13, "slots": 16, "run": 16,
        "row_low": 32, "row_high": 32, "outer_source": 32, "inner_source": 32, "outer_place": 13, "inner_place": 13,
        "odd_place": 13, "word_place": 13, "outer": 8, "inner": 8, "row_shift": 1, "word_shift": 1, "row_free": 1,
        "burst_ready": 1, "word_valid": 1,
    }  # fmt: skip
    outputs = {
        "idle": 1, "row_done": 1, "burst_valid": 1, "burst_address": 32, "burst_words": 5, "write": 1, "write_place": 13
    }  # fmt: skip
    seen = hw_bench.run(tmp_path, "dlk_row_loader", ports, outputs, cycles)

    asked = [(now["burst_address"], now["burst_words"]) for now in seen if now["burst_valid"]]
    expected = [list(_row_bursts(made, row)) for _ in range(passes) for row in range(made.in_height)]
    assert asked == [burst for row in expected for burst in row]
    early = [now for now in seen[:free_from] if now["burst_valid"]]
    assert len(early) == sum(len(row) for row in expected[: made.slots])
    assert seen[-1]["idle"] == 1

    places = [now["write_place"] for now in seen if now["write"]]
    assert places == [row % made.slots * made.slot_words + place for row in range(rows) for place in _row_places(made)]
    assert sum(bool(now["row_done"]) for now in seen[1:]) == rows


def _row_bursts(made: Command, row: int) -> Iterator[tuple[int, int]]:
    p = made.pattern
    base = made.source + (row >> p.row_shift) * p.row_high + (row & p.row_shift) * p.row_low
    for outer in range(p.outer):
        for inner in range(p.inner):
            yield from _bursts(base + outer * p.outer_source + inner * p.inner_source, p.run)


def _row_places(made: Command) -> Iterator[int]:
    p = made.pattern
    for outer in range(p.outer):
        for inner in range(p.inner):
            for i in range(p.run):
                step = (i & p.word_shift) * p.odd_place + (i >> p.word_shift) * p.word_place
                yield outer * p.outer_place + inner * p.inner_place + step


def test_the_parameter_loader_fills_one_half_at_a_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    steps, passes, pass_bytes = 3, 3, 8 * (32 + 16 * 3) + 128
    words = [[int(word) for word in rng.integers(0, 1 << 64, 32 + 16 * steps, np.uint64)] for _ in range(passes)]
    fields = {"passes": passes, "parameters": 0x2000, "pass_bytes": pass_bytes, "steps": steps}
    cycles: list[dict[str, int]] = [{"reset": 1, **fields}, {"start": 1, **fields}]
    cycles += [{**fields, "burst_ready": 1} for _ in range(passes * 300)]
    for number, part in enumerate(words):
        for i, word in enumerate(part):
            cycles[30 + 300 * number + 2 * i] |= {"word_valid": 1, "word": word}
        cycles[30 + 300 * number + 250]["swapped"] = 1
    ports = {
        "reset": 1, "start": 1, "passes": 8, "parameters": 32, "pass_bytes": 32, "steps": 9, "swapped": 1,
        "burst_ready": 1, "word_valid": 1, "word": 64,
    }  # fmt: skip
    outputs = {
        "idle": 1, "pass_loaded": 1, "weight_write": 8, "weight_write_address": 9, "weight_write_data": 128,
        "threshold_write": 32, "threshold_write_data": 49, "burst_valid": 1, "burst_address": 32, "burst_words": 5,
    }  # fmt: skip
    seen = hw_bench.run(tmp_path, "dlk_parameter_loader", ports, outputs, cycles)

    asked = [(i, now["burst_address"], now["burst_words"]) for i, now in enumerate(seen) if i and now["burst_valid"]]
    assert [burst[1:] for burst in asked] == [
        burst for number in range(passes) for burst in _bursts(0x2000 + number * pass_bytes, 32 + 16 * steps)
    ]
    begins = [i for i, address, _ in asked if (address - 0x2000) % pass_bytes == 0]
    assert begins[0] < 10
    assert [begin // 300 for begin in begins] == [0, 0, 1]  # each only after the swap of the one before it
    assert seen[-1]["idle"] == 1

    thresholds = [(now["threshold_write"], now["threshold_write_data"]) for now in seen[2:] if now["threshold_write"]]
    assert thresholds == [
        (1 << output, (word ^ ((1 << 48) - 1) if word >> 48 & 1 else word) & (1 << 49) - 1)
        for part in words
        for output, word in enumerate(part[:32])
    ]
    weights = [
        (now["weight_write"], now["weight_write_address"], now["weight_write_data"])
        for now in seen[2:]
        if now["weight_write"]
    ]
    assert weights == [
        (1 << group, number % 2 << 8 | step, part[at + 1] << 64 | part[at])
        for number, part in enumerate(words)
        for step in range(steps)
        for group in range(8)
        for at in [32 + 16 * step + 2 * group]
    ]
    assert sum(bool(now["pass_loaded"]) for now in seen[2:]) == passes


WINDOWS = {
    "3x3": Layer((5, 9, 64), 8, slots=4),
    "1x1": Layer((3, 6, 32), 8, (1, 1), (0, 0)),
    "5x2, more above than it reaches": Layer((4, 7, 96), 8, (5, 2), (6, 1), slots=4),
    "sums": Layer((3, 6, 32), 8, sums=True, sum_words=2),
    "smaller than its kernel": Layer((2, 2, 32), 8, (7, 7), (3, 3), slots=2),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_the_window_walks_over_tiles_taps_and_groups(tmp_path: Path, name: str) -> None:
    layer = WINDOWS[name]
    made = command(layer, 0, 0, 0)
    fields = {
        "sums": made.sums, "sum_words": made.sum_words, "groups": made.groups, "passes": 1,
        "kernel_height": made.kernel_height, "kernel_width": made.kernel_width, "top": made.top, "left": made.left,
        "in_height": made.in_height, "out_height": made.out_height, "out_width": made.out_width,
        "pitch_lines": made.pitch // 4, "slot_lines": made.slot_words // 4, "slots": made.slots, "room": 1,
    }  # fmt: skip
    cycles: list[dict[str, int]] = [{"reset": 1, **fields}, {"start": 1, **fields}]
    cycles += [dict(fields) for _ in range(layer.steps + 800)]
    for row in range(made.in_height):
        cycles[100 + 90 * row]["row_done"] = 1
    cycles[60]["pass_loaded"] = 1
    ports = {
        "reset": 1, "start": 1, "sums": 1, "sum_words": 4, "groups": 8, "passes": 8, "kernel_height": 4,
        "kernel_width": 4, "top": 4, "left": 4, "in_height": 16, "out_height": 16, "out_width": 16, "pitch_lines": 11,
        "slot_lines": 11, "slots": 16, "row_done": 1, "pass_loaded": 1, "room": 1, "tile_out": 1,
    }  # fmt: skip
    outputs = {
        "row_free": 1, "swap": 1, "reserve": 1, "reserve_words": 6, "step_valid": 1, "step_first": 1, "step_last": 1,
        "step_last_pixel": 2, "step_weights": 9, "step_row": 1, "step_line": 11, "step_x": 18, "stalled": 1,
    }  # fmt: skip
    seen = hw_bench.run(tmp_path, "dlk_window", ports, outputs, cycles)

    expected = list(_steps(made))
    found = []
    for now in seen[2:]:
        if now["step_valid"]:
            row = now["step_row"]
            found.append((
                now["step_first"], now["step_last"], now["step_last_pixel"] if now["step_last"] else None,
                now["step_weights"], row, now["step_line"] if row else None, now["step_x"],
            ))  # fmt: skip
    assert found == expected
    n = made.sum_words if made.sums else 1
    reserved = [now["reserve_words"] for now in seen[2:] if now["reserve"]]
    assert reserved == [n * (step[2] + 1) for step in expected if step[1]]
    assert sum(bool(now["row_free"]) for now in seen[2:]) == made.in_height

    # No step before the rows that it needs.
    loaded = needed = 0
    rows = iter(_rows_needed(made))
    for number, now in enumerate(seen):
        if now["step_valid"] and number > 1:
            needed = next(rows)
            assert needed <= loaded
        loaded += cycles[number].get("row_done", 0)
    first = {number for number, now in enumerate(seen) if number > 1 and now["step_first"]}
    gaps = np.diff(sorted(first))
    assert gaps.min() >= 4 * n


def _steps(made: Command) -> Iterator[tuple[int | None, ...]]:
    slots, lines, pitch = made.slots, made.slot_words // 4, made.pitch // 4
    for y in range(made.out_height):
        for x in range(0, made.out_width, 4):
            taps = [
                (group, ky, kx)
                for group in range(made.groups)
                for ky in range(made.kernel_height)
                for kx in range(made.kernel_width)
            ]
            for number, (group, ky, kx) in enumerate(taps):
                row = y - made.top + ky
                inside = 0 <= row < made.in_height
                last = number == len(taps) - 1
                yield (
                    int(number == 0), int(last), min(3, made.out_width - x - 1) if last else None, number, int(inside),
                    row % slots * lines + group * pitch if inside else None,
                    (x + kx - made.left) % (1 << 18),
                )  # fmt: skip


def _rows_needed(made: Command) -> Iterator[int]:
    steps = -(-made.out_width // 4) * made.groups * made.kernel_height * made.kernel_width
    for y in range(made.out_height):
        for _ in range(steps):
            yield min(max(y - made.top + made.kernel_height, 0), made.in_height)


def test_the_reader_keeps_order_and_lets_nothing_out_when_halted(tmp_path: Path) -> None:
    """Clients 1 and 2 ask all the time and take turns; a halt stops them; words go to whom they belong."""
    bursts = {0: (0x100, 16), 1: (0x2008, 3), 2: (0x3000, 1)}
    packed = {
        "burst_address": sum(address << 32 * client for client, (address, _) in bursts.items()),
        "burst_words": sum(words << 5 * client for client, (_, words) in bursts.items()),
    }
    cycles: list[dict[str, int]] = [{"reset": 1}]
    cycles += [{**packed, "burst_valid": 0b110, "arready": int(i % 3 != 1)} for i in range(30)]
    for cycle in cycles[4:6]:
        cycle["burst_valid"] = 0b111
    for cycle in cycles[20:]:
        cycle["halt"] = 1
    ports = {
        "reset": 1, "halt": 1, "burst_valid": 3, "burst_address": 96, "burst_words": 15, "arready": 1, "rdata": 64,
        "rresp": 2, "rlast": 1, "rvalid": 1,
    }  # fmt: skip
    outputs = {
        "quiet": 1, "failed": 1, "burst_ready": 3, "word_valid": 3, "word": 64, "araddr": 32, "arlen": 8, "arvalid": 1
    }  # fmt: skip
    asked = _asked(hw_bench.run(tmp_path, "dlk_reader", ports, outputs, cycles), cycles)
    owners = [next(client for client, burst in bursts.items() if burst == one) for one in asked]
    assert len(owners) == 8  # no more than that are under way
    assert owners.count(0) >= 1
    rest = [owner for owner in owners if owner]
    assert all(a != b for a, b in pairwise(rest))

    answers = [(owner, i == bursts[owner][1] - 1) for owner in owners for i in range(bursts[owner][1])]
    for number, (_, last) in enumerate(answers):
        failed = 2 if number == 7 else 0
        cycles.append({"halt": 1, "rvalid": 1, "rdata": number + 1000, "rlast": int(last), "rresp": failed})
    cycles += [{"halt": 1}] * 2
    seen = hw_bench.run(tmp_path, "dlk_reader", ports, outputs, cycles)
    given = [(now["word_valid"], now["word"]) for now in seen[1:] if now["word_valid"]]
    assert given == [(1 << owner, number + 1000) for number, (owner, _) in enumerate(answers)]
    assert [number for number, now in enumerate(seen[1:], 1) if now["failed"]] == [31 + 7 + 1]
    assert (seen[30]["quiet"], seen[-1]["quiet"]) == (0, 1)


def _asked(seen: list[hw_bench.Seen], cycles: list[dict[str, int]]) -> list[tuple[int | None, int]]:
    return [
        (now["araddr"], (now["arlen"] or 0) + 1)
        for now, given in zip(seen[1:], cycles[1:], strict=True)
        if now["arvalid"] and given.get("arready")
    ]


@pytest.mark.parametrize(("target", "words"), [(0x1000, 16), (0x1000, 37), (0x1080, 1), (0x1000, 64)])
def test_the_writer_writes_whole_bursts_and_the_rest_at_the_flush(tmp_path: Path, target: int, words: int) -> None:
    rng = np.random.default_rng(words)
    data = [int(word) for word in rng.integers(0, 1 << 64, words, np.uint64)]
    cycles: list[dict[str, int]] = [{"reset": 1}, {"start": 1, "target": target >> 7}]
    cycles += [{"word_valid": 1, "word": word} for word in data]
    cycles += [{} for _ in range(400)]
    bursts = _bursts(target, words)
    for number, cycle in enumerate(cycles):
        cycle |= {"awready": int(rng.random() < 0.5), "wready": int(rng.random() < 0.5), "flush": int(number > 250)}
    ports = {
        "reset": 1, "halt": 1, "start": 1, "target": 25, "flush": 1, "reserve": 1, "reserve_words": 6, "word_valid": 1,
        "word": 64, "awready": 1, "wready": 1, "bresp": 2, "bvalid": 1,
    }  # fmt: skip
    outputs = {
        "quiet": 1, "failed": 1, "idle": 1, "room": 1, "awaddr": 32, "awlen": 8, "awvalid": 1, "wdata": 64, "wlast": 1,
        "wvalid": 1,
    }  # fmt: skip
    cycles = cycles[:400] + [{"awready": 1, "wready": 1, "flush": 1} for _ in range(40)]
    for number in range(len(bursts)):
        cycles[430 + number]["bvalid"] = 1
    seen = hw_bench.run(tmp_path, "dlk_writer", ports, outputs, cycles)
    addresses = [
        (now["awaddr"], (now["awlen"] or 0) + 1)
        for now, given in zip(seen[1:], cycles[1:], strict=True)
        if now["awvalid"] and given["awready"]
    ]
    assert addresses == bursts
    written = [
        (now["wdata"], now["wlast"])
        for now, given in zip(seen[1:], cycles[1:], strict=True)
        if now["wvalid"] and given["wready"]
    ]
    lasts = [int(i == length - 1) for _, length in bursts for i in range(length)]
    assert written == list(zip(data, lasts, strict=True))
    assert (seen[429]["idle"], seen[-1]["idle"]) == (0, 1)
    early = [now for now in seen[1:250] if now["awvalid"]]
    assert bool(early) == (words >= 16)
