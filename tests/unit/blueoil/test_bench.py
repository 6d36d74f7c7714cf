from __future__ import annotations

import pytest

from blueoil.bench import __main__ as bench
from blueoil.bench.timing import Timing, interleave
from blueoil.errors import BlueoilError


def test_engines_take_turns_and_warm_up_rounds_do_not_count() -> None:
    calls: list[str] = []
    timings = interleave({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3)
    assert calls == ["a", "b"] * 5
    assert set(timings) == {"a", "b"}
    assert all(0 <= t.best <= t.median <= t.worst for t in timings.values())


def test_ratio_is_the_peers_time_over_ours_and_a_missing_isa_is_null() -> None:
    peer = Timing(60.0, 59.0, 61.0)
    assert bench._row("blueoil avx2", Timing(20.0, 19.0, 21.0), peer)["ratio"] == 3.0
    assert bench._row("blueoil avx512", None, peer)["ratio"] is None


def test_a_peer_without_its_int8_instructions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {bench.FLOAT32: Timing(100.0, 99.0, 101.0), bench.INT8: Timing(50.0, 49.0, 51.0)}
    monkeypatch.setattr(bench, "_has_vnni", lambda: False)
    bench._check_peer(slow)
    monkeypatch.setattr(bench, "_has_vnni", lambda: True)
    with pytest.raises(BlueoilError, match="too slow to be a fair peer") as caught:
        bench._check_peer(slow)
    assert caught.value.received == "2.00 times"
