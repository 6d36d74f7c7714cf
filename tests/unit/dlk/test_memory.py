"""The plan of the arena: what lives at the same time has its own place, and nothing is larger than it must be."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from dlk.lowering.memory import LINE, Buffer, Plan, plan


@st.composite
def buffers(draw: st.DrawFn) -> list[Buffer]:
    times = draw(st.lists(st.tuples(st.integers(-1, 12), st.integers(0, 6)), min_size=0, max_size=14))
    sizes = [draw(st.one_of(st.integers(1, 200), st.integers(1, 1 << 20))) for _ in times]
    return [
        Buffer(f"b{number}", size, first, first + length)
        for number, (size, (first, length)) in enumerate(zip(sizes, times, strict=True))
    ]


def lines(buffer: Buffer) -> int:
    return -(-buffer.size // LINE) * LINE


def together(a: Buffer, b: Buffer) -> bool:
    return any(a.first <= time <= a.last for time in range(b.first, b.last + 1))


def same_bytes(planned: Plan, a: Buffer, b: Buffer) -> bool:
    """Whether a byte of the cache lines of one is a byte of those of the other."""
    lines_of = [range(planned.offsets[x.name] // LINE, (planned.offsets[x.name] + lines(x)) // LINE) for x in (a, b)]
    return bool(lines_of[0] and lines_of[1]) and (
        max(lines_of[0].start, lines_of[1].start) < min(lines_of[0].stop, lines_of[1].stop)
    )


@given(buffers())
@settings(max_examples=100, deadline=None)
def test_what_lives_at_the_same_time_shares_no_byte(found: list[Buffer]) -> None:
    planned = plan(found)
    for number, a in enumerate(found):
        for b in found[:number]:
            assert not (together(a, b) and same_bytes(planned, a, b)), (a, b)


@given(buffers())
@settings(max_examples=100, deadline=None)
def test_the_arena_holds_every_buffer_and_is_no_larger_than_it_must_be(found: list[Buffer]) -> None:
    planned = plan(found)
    assert list(planned.offsets) == [buffer.name for buffer in found]
    assert all(offset % LINE == 0 and offset >= 0 for offset in planned.offsets.values())
    ends = [planned.offsets[buffer.name] + lines(buffer) for buffer in found]
    assert planned.size == max(ends, default=0)
    assert planned.unshared_size == sum(lines(buffer) for buffer in found)
    times = {buffer.first for buffer in found}
    needed = max((sum(lines(b) for b in found if b.first <= time <= b.last) for time in times), default=0)
    assert needed <= planned.size <= planned.unshared_size


@given(buffers())
@settings(max_examples=100, deadline=None)
def test_shared_are_those_whose_bytes_another_one_uses(found: list[Buffer]) -> None:
    planned = plan(found)
    sharing = {a.name for a in found for b in found if a is not b and same_bytes(planned, a, b)}
    assert planned.shared == sharing


@given(buffers(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_buffers_changes_nothing(found: list[Buffer], rng: Random) -> None:
    shuffled = list(found)
    rng.shuffle(shuffled)
    a, b = plan(found), plan(shuffled)
    assert (a.offsets, a.size, a.shared) == (b.offsets, b.size, b.shared)


def test_a_chain_needs_its_two_largest_neighbours() -> None:
    chain = [Buffer(f"t{i}", size, i, i + 1) for i, size in enumerate((640, 6400, 1280, 320, 640, 64))]
    assert plan(chain).size == 6400 + 1280


def test_a_hole_is_filled_before_the_arena_grows() -> None:
    long, early, late = Buffer("long", 640, 0, 9), Buffer("early", 320, 0, 1), Buffer("late", 300, 2, 3)
    planned = plan([long, early, late])
    assert planned.offsets["early"] == planned.offsets["late"] == 640
    assert planned.size == 640 + 320 and planned.shared == {"early", "late"}
