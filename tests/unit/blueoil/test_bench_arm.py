from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blueoil.bench.arm import tools
from blueoil.bench.arm.accesses import LISTS, PLANE, TAP, Layout, class_lists, tile
from blueoil.bench.arm.cache import CacheShape, Cores, Counts, Level, stalls, stalls_with_prefetch
from blueoil.bench.arm.estimate import Cost, Layer, network_cycles
from blueoil.bench.arm.loops import counting_loop
from blueoil.bench.arm.mca import plain
from blueoil.bench.arm.phases import OTHER, phase_of
from blueoil.bench.arm.record import Recording, Segment, parse_code, parse_log
from blueoil.errors import BlueoilError

LOG = """----------------
IN: dlk_bench_step
0x00001000:  e92d4800  push     {fp, lr}

Trace 0: 0x7f00 [00000480/00001000/00000000/00000200] dlk_bench_step
IN: kernel
0x00002000:  e0844005  add      r4, r4, r5
0x00002004:  1afffffd  bne      #0x2000

Trace 0: 0x7f10 [00000480/00002000/00000000/00000200] kernel
Trace 0: 0x7f10 [00000480/00002000/00000000/00000200] kernel
Trace 0: 0x7f00 [00000480/00001000/00000000/00000200] dlk_bench_step
"""


def test_the_log_gives_the_instructions_as_they_ran() -> None:
    blocks, runs = parse_log(LOG.splitlines(keepends=True), 0x1000)
    assert runs == [[0x2000, 0x2000], []]
    recording = Recording(Path("program"), {}, blocks, (Segment("conv1", runs[0]),))
    assert list(recording.addresses(recording.segments[0])) == [0x2000, 0x2004, 0x2000, 0x2004]


def test_disassembly_is_read_without_comments_and_symbols() -> None:
    text = parse_code(
        [
            "00002000 <kernel>:",
            "    2000:      \tadd\tr4, r4, r5",
            "    2004:      \tbne\t0x2000 <kernel>    @ imm = #-12",
            " 1065144: \tldp\tq1, q2, [x11]  // comment",
        ]
    )
    assert text == {0x2000: "add r4, r4, r5", 0x2004: "bne 0x2000", 0x1065144: "ldp q1, q2, [x11]"}


def test_instructions_are_rewritten_for_the_model() -> None:
    assert plain("bl 0x2000") == ["b #4"]
    assert plain("b.hi 0x2000") == ["b.hi #4"]
    assert plain("cbz x1, 0x2000") == ["cbz x1, #4"]
    assert plain("ldm r3!, {r4, r5}") == ["ldr r4, [r3, #0]", "ldr r5, [r3, #4]"]
    assert plain("vpush {d8, d9}") == ["vstr d8, [sp, #0]", "vstr d9, [sp, #8]"]
    assert plain("pop {r11, pc}") == ["ldr r11, [sp, #0]", "b #4"]
    assert plain("callq 0x2000") == ["jmp 4"]
    assert plain("veor q0, q1, q2") == ["veor q0, q1, q2"]


def test_phases_are_told_by_the_functions_that_an_instruction_was_inlined_into() -> None:
    tree = "dlk::neon::ClassTree<2, 8, 9>::"
    assert phase_of(["dlk::neon::full_add(", f"{tree}count(dlk::neon::Cursor&)", f"{tree}sum_to_memory<0>("]) == "leaf"
    assert phase_of(["dlk::neon::full_add(", f"void {tree}add_slots<9, 8>(", f"{tree}sum_to_memory<1>("]) == "merge"
    assert phase_of(["void dlk::neon::write_taps<2>(", "void dlk::neon::convolve<"]) == "taps"
    assert phase_of(["main"]) == OTHER


def test_a_set_forgets_the_line_used_longest_ago() -> None:
    level = Level(size=64, ways=2, line=32)
    assert [level.hit(line) for line in (1, 2, 1, 3, 1, 2)] == [False, False, True, False, True, False]


def test_cores_share_the_second_level_and_the_lists() -> None:
    shape = CacheShape("test", 32, 64, 2, 1 << 12, 4, penalty=10, apart=4, memory=100)
    pair = Cores(shape, 2)
    counts = pair.run([(LISTS, 4), (0, 64)])
    assert counts == Counts(accesses=3, l1_misses=3, l2_misses=3)
    assert stalls(counts, shape) == 330
    assert stalls_with_prefetch(counts, shape, compute=5) == 307
    assert stalls_with_prefetch(counts, shape, compute=1000) == 300


def test_each_input_of_each_group_is_read_once_whatever_the_layout() -> None:
    weights = np.where(np.random.default_rng(0).random((3, 3, 16, 8)) < 0.5, -1, 1).astype(np.int8)
    lists = class_lists(weights, 3, (6, 7, 8, 9))
    assert sorted(np.abs(np.concatenate(lists.groups[0]) + 0.5) - 0.5) == list(range(144))
    for layout in (Layout(4, complements=True), Layout(2, complements=False), Layout(2, complements=True, block=36)):
        accesses = list(tile(lists, layout))
        entries = [at for at, size in accesses if at >= LISTS]
        assert len(entries) == 2 * 144
        assert entries == list(range(LISTS, LISTS + 2 * 144 * layout.entry, layout.entry))
        taps = [at for at, size in accesses if size == TAP]
        held = (layout.block or 144) * (2 if layout.complements else 1)
        assert max(taps) == (held - 1) * TAP
    assert PLANE * 2 == TAP


def test_layers_grow_with_their_tiles_and_other_steps_with_the_rows() -> None:
    layer = Layer(inputs=2304, outputs=256, tile=128, recorded_tiles=1, tiles=23)
    conv = Cost("conv4", {"leaf": 500e3, "merge": 250e3}, {}, 0, 23, layer)
    move = Cost("s2d1", {"moves": 100e3}, {}, 0, 22.5, None)
    assert conv.macs_per_cycle == pytest.approx(2304 * 256 * 128 / 750e3)
    assert move.macs_per_cycle is None
    assert network_cycles([conv, move]) == (750e3 * 23 + 100e3 * 22.5, 100e3 * 22.5)


def test_the_counting_loop_is_the_one_without_branches_that_adds_most() -> None:
    load, add = "vmovaps (%r9,%r10), %zmm2", "vpternlogq $150, %zmm2, %zmm4, %zmm7"
    body = ["xorl %eax, %eax", *[load] * 8, *[add] * 8, "jne 0x101", "jne 0x100", load, "jmp 0x100"]
    loop = counting_loop({0x100 + i: line for i, line in enumerate(body)})
    assert loop is not None
    assert loop.loads == 8
    assert loop.instructions[0] == load
    assert loop.instructions[-1] == "jne 0x101"
    assert counting_loop({0: "ret"}) is None


def test_a_missing_llvm_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    with pytest.raises(BlueoilError, match="llvm-mca is not installed") as caught:
        tools.find_llvm()
    assert caught.value.fix == "apt install llvm-19"
    with pytest.raises(BlueoilError, match="qemu-arm is not installed"):
        tools.need("qemu-arm", "qemu-user")
