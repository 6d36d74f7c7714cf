"""The memory that a conversion tells, held against what the runtime lays out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from runtime_programs import PROGRAMS

from dlk.codegen.memory import _ENTRIES_AHEAD, MemoryUse, memory_use
from dlk.codegen.parameters import parameters

MODEL_H = Path(__file__).parents[3] / "dlk" / "runtime" / "src" / "model.h"


def test_the_words_are_mebibytes() -> None:
    use = MemoryUse(tensors=9 << 20, unshared=(17 << 20) + (1 << 18), lists=3 << 19, scratch=1 << 18)
    assert use.words() == (
        "9.00 MiB for tensors (17.25 MiB without reuse), 1.50 MiB for lists, 0.25 MiB of scratch a thread"
    )
    assert use.total == (9 << 20) + (3 << 19) + (1 << 18)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_arena_and_the_scratch_are_those_of_the_generated_code(projects: dict[str, Path], name: str) -> None:
    use = memory_use(parameters(PROGRAMS[name], 8))
    text = (projects[name] / "generated" / "network.cpp").read_text()
    assert re.findall(r"arena_bytes = (\d+)", text) == [str(use.tensors)]
    assert max(map(int, re.findall(r"scratch_bytes = (\d+)", text)), default=0) == use.scratch
    entries = sum(map(int, re.findall(r"entries = (\d+)", text)))
    assert 2 * entries < use.lists if entries else use.lists == 0
    assert use.unshared >= use.tensors > 0


def test_narrow_vectors_need_less_scratch_and_nothing_else_changes() -> None:
    wide, narrow = (memory_use(parameters(PROGRAMS["everything"], lanes)) for lanes in (8, 2))
    assert narrow.scratch < wide.scratch
    assert (narrow.tensors, narrow.unshared, narrow.lists) == (wide.tensors, wide.unshared, wide.lists)


def test_lists_of_one_convolution_counted_by_hand() -> None:
    """Its layout is that of lay_out_lists in runtime/src/prepare.cpp."""
    numbers = parameters(PROGRAMS["slim"], 8)
    total = 0
    for step in numbers.steps:
        if step.tree is None:
            continue
        output = list(numbers.arena.layouts.values())[step.output]
        outputs = output.channels * step.tree.signs
        groups = (outputs + step.tree.depth) // (step.tree.depth + 1)
        mask_words = (2**output.bits - 1) * (step.tree.widths[step.tree.depth] + 1) + 1
        total += 2 * (step.tree.entries + 16)  # entries
        total += 4 * groups + 2 * groups * 2**step.tree.depth  # begins of groups, lengths of classes
        total += 4 * output.channels + 8 * output.channels * mask_words  # constants
    assert memory_use(numbers).lists == total > 0


def test_the_entries_ahead_are_those_of_the_runtime() -> None:
    assert f"constexpr int kEntriesAhead = {_ENTRIES_AHEAD};" in MODEL_H.read_text()
