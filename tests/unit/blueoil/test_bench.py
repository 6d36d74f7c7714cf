from __future__ import annotations

import importlib.util
import threading
import time

import numpy as np
import pytest

from blueoil.bench import engines, limits, rows
from blueoil.bench.engines import Engine
from blueoil.bench.peaks import Peaks
from blueoil.bench.timing import PairTiming, Timing, busiest, interleave, interleave_pairs, summary, thread_times
from blueoil.bench.topology import Conv, macs, parts
from blueoil.errors import BlueoilError

PEAKS = Peaks(ghz=2.0, logic={"portable": 4.0, "avx512": 2.0}, int8={"int8_avx2": 32.0, "int8_avx512_vnni": 64.0})


def times(median: float) -> Timing:
    return Timing(median, median - 1, median + 1)


def test_engines_take_turns_and_warm_up_rounds_do_not_count() -> None:
    calls: list[str] = []
    engines_ = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    timings = interleave(engines_, rounds=3)
    assert calls == ["a", "b"] * 5
    assert set(timings) == {"a", "b"}
    assert all(0 <= t.best <= t.median <= t.worst for t in timings.values())
    assert set(interleave_pairs(engines_, rounds=3)) == {"a", "b"}
    assert calls == ["a", "b"] * 10


def test_the_median_is_not_the_mean_and_the_busiest_thread_counts() -> None:
    assert summary([9.0, 1.0, 2.0]) == Timing(2.0, 1.0, 9.0)
    assert busiest({"1": 5_000_000, "2": 1_000_000}, {"1": 6_000_000, "2": 4_000_000, "3": 2_000_000}) == 3.0
    assert busiest({}, {}) == 0.0


def test_a_thread_at_work_is_timed_to_the_moment() -> None:
    before, own = thread_times(), time.thread_time_ns()
    while time.thread_time_ns() - own < 3_000_000:
        pass
    spent = time.thread_time_ns() - own
    name = str(threading.get_native_id())
    assert spent <= thread_times()[name] - before[name]
    assert thread_times().keys() >= before.keys()


def test_the_network_has_its_multiply_adds() -> None:
    assert macs(360, 480, 11) == 11_703_398_400
    convs = [part for part in parts(360, 480, 11) if isinstance(part, Conv)]
    assert len(convs) == 11
    assert convs[0] == Conv(180, 240, 12, 16, 1)
    assert convs[3] == Conv(45, 60, 256, 256, 3)
    assert convs[-1] == Conv(360, 480, 32, 11, 3)


def test_ratio_is_the_references_time_over_ours_and_a_missing_isa_is_null() -> None:
    timings = {"LiteRT int8": times(60), "blueoil avx2": times(20), "baseline avx2": times(30)}
    assert rows.ratios(timings, ["avx2", "avx512"], rows.REFERENCE) == {"avx2": 3.0, "avx512": None}
    assert rows.ratios(timings, ["avx2"], "baseline {isa}") == {"avx2": 1.5}
    assert rows.best({"avx2": 3.0, "sse2": 4.0, "avx512": None}) == 4.0
    assert rows.best({"avx512": None}) is None


def test_rows_tell_the_rate_and_the_share_of_the_limit() -> None:
    known = [Engine("LiteRT int8", "int8", None), Engine("blueoil portable", "portable", None)]
    gone = Engine("OpenVINO int8", "int8", None, "pip install openvino")
    timings = {"LiteRT int8": times(11), "blueoil portable": times(6)}
    # 10 ms at 2 GHz: 20 M cycles; 640 M MAC are 32 a cycle, half of VNNI's 64
    litert, portable, openvino = rows.single_rows([*known, gone], timings, 640_000_000, PEAKS, {"portable": 8e6})
    assert litert["macs_per_cycle"] == 32.0
    assert litert["share_of_limit"] == 0.5
    # 8 M full adders of 5 operations at 4 a cycle: 10 M cycles, 5 ms
    assert portable["share_of_limit"] == 1.0
    assert portable["ratio"] == round(11 / 6, 3)
    assert openvino["median_ms"] is None
    assert openvino["ratio"] is None
    assert openvino["missing"] == "pip install openvino"


def test_two_threads_compare_wall_times_and_the_speedup_is_of_cpu_time() -> None:
    pairs = {"LiteRT int8": PairTiming(times(40), times(30)), "blueoil avx2": PairTiming(times(10), times(8))}
    listed = [Engine(name, "int8", None) for name in ("LiteRT int8", "blueoil avx2", "blueoil avx512")]
    found = rows.pair_rows(listed, pairs)
    assert [row["ratio"] for row in found] == [1.0, 4.0, None]
    assert rows.speedups({"blueoil avx2": times(15.2), "blueoil sse2": times(1)}, pairs) == {"blueoil avx2": 1.9}


def test_limits_are_null_where_the_machine_or_the_method_gives_none() -> None:
    assert limits.limit_ms("float32", 1, PEAKS, {}) is None
    assert limits.limit_ms("avx2", 1, PEAKS, {"avx2": 1.0}) is None
    assert limits.limit_ms("avx512", 1, PEAKS, {"avx512": 2e6}) == 1.0  # 2 operations each, 2 a cycle, 2 GHz
    assert limits.limit_ms("int8", 1, Peaks(2.0, {}, {}), {}) is None


def test_full_adders_of_a_tree_are_those_of_the_design_table() -> None:
    from dlk.lowering.class_lists import class_sizes, sign_bits, tree_shape

    weights = np.where(np.random.default_rng(0).random((3, 3, 256, 7 * 8)) < 0.5, -1, 1).astype(np.int8)
    sizes = class_sizes(sign_bits(weights), 6)
    shape = tree_shape(sizes, 2)
    adders = limits.tree_adders(sizes, 2, shape.widths)
    assert 740 < adders / 56 < 780  # 778 with the half adders
    # one class of three 2-bit inputs: six bits become four
    assert limits.tree_adders(np.array([[3]]), 2, (4,)) == 2.0


def test_a_peer_without_its_int8_instructions_is_refused() -> None:
    slow = {"LiteRT float32": times(100), "LiteRT int8": times(50)}
    rows.check_peers(slow, vnni=False)
    with pytest.raises(BlueoilError, match="LiteRT int8 is too slow to be a fair peer") as caught:
        rows.check_peers(slow, vnni=True)
    assert caught.value.received == "2.00 times"


def test_a_peer_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = {engine.name: engine for engine in engines.peers(16, 16, 2)}
    assert found["OpenVINO int8"].load is None
    assert found["OpenVINO int8"].missing == "pip install openvino"
    assert found["LiteRT int8"].missing == "pip install ai-edge-litert"


def test_the_onnx_peer_computes_the_topology() -> None:
    import onnx
    import onnxruntime

    from blueoil.bench.onnx_model import float_model, int8_model

    model = float_model(16, 24, 5)
    onnx.checker.check_model(model)
    assert sum(node.op_type == "Conv" for node in model.graph.node) == 11
    image = np.random.default_rng(0).standard_normal((1, 3, 16, 24)).astype(np.float32)
    for candidate in (model, int8_model(model)):
        session = onnxruntime.InferenceSession(candidate.SerializeToString(), providers=["CPUExecutionProvider"])
        (scores,) = session.run(None, {"image": image})
        assert scores.shape == (1, 5, 16, 24)


def test_the_peers_moves_are_onnx_space_to_depth_and_back() -> None:
    import onnxruntime
    from onnx import helper

    from blueoil.bench.onnx_model import float_model

    model = float_model(8, 8, 2)
    first = next(node.output[0] for node in model.graph.node if node.output[0] == "step0")
    model.graph.output.append(helper.make_empty_tensor_value_info(first))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.arange(192, dtype=np.float32).reshape(1, 3, 8, 8)
    (moved,) = session.run(["step0"], {"image": image})
    for block in range(4):
        expected = image[0, :, block // 2 :: 2, block % 2 :: 2]
        assert np.array_equal(moved[0, block * 3 : block * 3 + 3], expected)
