"""The executors on a real library: in process, in a process of its own, emulated; and everything that can go wrong."""

from __future__ import annotations

import os
import platform
import struct
from pathlib import Path

import numpy as np
import pytest
from conversions import Done, convert
from exports import SIZE, write_export
from hypothesis import given, settings
from hypothesis import strategies as st

import dlk.verify.available
from dlk.build import trace_program
from dlk.errors import DlkError, InternalError, VerificationError
from dlk.targets import TARGETS
from dlk.verify.available import Built, find_executors
from dlk.verify.executors import IsaMissingError, LibraryExecutor, PixelExecutor, ProgramExecutor
from dlk.verify.golden import Golden, read_golden
from dlk.verify.onnx_executor import OnnxExecutor
from dlk.verify.records import read_records
from dlk.verify.reference import Reference

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the library is built for x86_64")


@pytest.fixture(scope="session")
def export(done: Done) -> Path:
    return done.export


@pytest.fixture(scope="module")
def library(export: Path) -> Path:
    return export / "output/models/lib/libdlk_x86.so"


@pytest.fixture(scope="module")
def program(export: Path) -> Path:
    return trace_program(export / "project/x86")


@pytest.fixture(scope="module")
def golden(export: Path) -> Golden:
    return read_golden(export / "reference.npz")


def test_all_ways_of_running_the_library_trace_what_the_reference_traces(
    export: Path, library: Path, program: Path, golden: Golden
) -> None:
    values = golden.input[1]
    expected = Reference(export / "model.onnx").trace(values)
    with LibraryExecutor(library, name="here", isa="portable") as here:
        traces = [here.trace(values), ProgramExecutor(library, program, name="there", isa="sse2").trace(values)]
        assert here.isa == "portable"
    for trace in traces:
        assert set(expected) <= set(trace)
        assert all(np.array_equal(trace[layer], expected[layer]) for layer in expected)
        assert trace["conv1"].dtype == np.uint8 and trace["output"].dtype == np.float32


def test_run_gives_the_output_of_trace_and_pixels_give_the_same(library: Path, golden: Golden) -> None:
    with LibraryExecutor(library, name="x86") as executor:
        output = executor.run(golden.input[0])
        assert np.array_equal(output, executor.trace(golden.input[0])["output"])
        assert np.array_equal(output, PixelExecutor(executor).run(golden.images[0]))
        assert executor.input_shape == (*SIZE, 3)


def test_the_environment_does_not_choose_the_instruction_set(
    library: Path, monkeypatch: pytest.MonkeyPatch, golden: Golden
) -> None:
    monkeypatch.setenv("DLK_ISA", "portable")
    with LibraryExecutor(library, name="x86", isa="sse2") as executor:
        assert executor.isa == "sse2"
    assert os.environ["DLK_ISA"] == "portable"


def test_onnxruntime_agrees_in_nearly_all_classes(export: Path, golden: Golden) -> None:
    output = OnnxExecutor(export / "model.onnx").run(golden.input[0])
    expected = Reference(export / "model.onnx").run(golden.input[0])
    assert np.allclose(output, expected, atol=1e-4)
    with pytest.raises(DlkError, match="onnxruntime refuses"):
        OnnxExecutor(export / "meta.yaml")


def test_wrong_inputs_and_libraries_are_dlk_errors(library: Path, golden: Golden, tmp_path: Path) -> None:
    with LibraryExecutor(library, name="x86") as executor:
        with pytest.raises(DlkError, match="does not fit"):
            executor.run(golden.input[0][:-1])
        with pytest.raises(DlkError, match="does not fit"):
            executor.run(golden.input[0].astype(np.float64))
        with pytest.raises(DlkError, match="did not run"):
            executor.run(np.full_like(golden.input[0], np.nan))
        with pytest.raises(DlkError, match="does not fit"):
            executor.run_pixels(golden.images[0][1:])
        executor.close()
    with pytest.raises(DlkError, match="cannot be initialised"):
        LibraryExecutor(library, name="x86", isa="vax")
    (tmp_path / "cut.so").write_bytes(library.read_bytes()[:5000])
    with pytest.raises(DlkError, match="cut short"):
        LibraryExecutor(tmp_path / "cut.so", name="cut")


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("kill -SEGV $$", "signal 11"),
        ("echo went wrong >&2; exit 4", "exit status 4: went wrong"),
        ("exit 0", "wrote no trace"),
        (": > $3", "no output"),
        ("exec sleep 20", "no end within"),
    ],
)
def test_a_library_that_does_not_end_well_fails_verification(
    tmp_path: Path, library: Path, golden: Golden, body: str, told: str
) -> None:
    executor = ProgramExecutor(library, script(tmp_path / "driver", body), name="broken", timeout=1.0)
    with pytest.raises(VerificationError) as caught:
        executor.run(golden.input[0])
    assert told in str(caught.value)
    assert caught.value.where == "broken"


def test_what_cannot_run_here_is_listed_with_its_reason(
    library: Path, program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built = [Built(TARGETS[name], library, program) for name in ("x86", "arm")]
    monkeypatch.setenv("PATH", str(tmp_path))
    candidates, missing = find_executors(built)
    names = [candidate.executor.name for candidate in candidates]
    assert names[:2] == ["x86 portable", "x86 sse2"]
    reasons = {item.executor: item.reason for item in missing}
    assert reasons["arm neon"] == "qemu-arm is not installed"
    able = names[: len(names) - 1]
    assert set(able) | set(reasons) == {"x86 portable", "x86 sse2", "x86 avx2", "x86 avx512", "arm neon"}
    assert names[-1] == f"{able[-1]}, 2 threads"


def test_a_missing_instruction_set_is_listed(library: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Old(LibraryExecutor):
        def __init__(self, library: Path, *, name: str, isa: str | None = None) -> None:
            if isa == "avx512":
                raise IsaMissingError("missing")
            super().__init__(library, name=name, isa=isa)

    monkeypatch.setattr(dlk.verify.available, "LibraryExecutor", Old)
    candidates, missing = find_executors([Built(TARGETS["x86"], library, program)])
    assert not [candidate for candidate in candidates if "avx512" in candidate.executor.name]
    assert [item.reason for item in missing if item.executor == "x86 avx512"] == [
        "this machine lacks the instruction set"
    ]


@pytest.mark.needs("qemu-arm")
def test_an_emulated_library_is_equal(tmp_path: Path) -> None:
    conversion = convert(write_export(tmp_path / "export", images=1), "arm")
    rows = {row.executor: row for row in conversion.rows}
    assert rows["arm neon"].verdict == "equal"
    assert conversion.latency_ms is None


def test_a_program_runs_on_as_many_threads_as_it_is_told(
    library: Path, program: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DLK_NUM_THREADS", "7")
    shown = script(tmp_path / "driver", f'echo "$DLK_NUM_THREADS" >> {tmp_path}/threads; exec {program} "$@"')
    one, two = (ProgramExecutor(library, shown, name="told", threads=n).trace(golden.input[0]) for n in (1, 2))
    assert (tmp_path / "threads").read_text().split() == ["1", "2"]
    assert all(np.array_equal(one[layer], two[layer]) for layer in one)
    with pytest.raises(VerificationError, match="number of threads"):
        ProgramExecutor(library, program, name="none", threads=0).run(golden.input[0])


def record(name: bytes, kind: int, array: np.ndarray) -> bytes:
    return b"DLKT" + struct.pack("<I", len(name)) + name + struct.pack("<4I", kind, *array.shape) + array.tobytes()


CODES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
VALUES = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
WHOLE = record(b"conv1", 0, CODES) + record(b"output", 1, VALUES)


def test_a_layer_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "trace").write_bytes(record("façade".encode(), 0, CODES))
    assert list(read_records(tmp_path / "trace")) == ["façade"]


def test_records_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "trace").write_bytes(WHOLE)
    records = read_records(tmp_path / "trace")
    assert list(records) == ["conv1", "output"]
    assert np.array_equal(records["conv1"], CODES) and np.array_equal(records["output"], VALUES)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, len(WHOLE) - 1), st.integers(0, 255))
def test_damaged_records_are_refused_or_read_as_they_stand(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    path = tmp_path_factory.mktemp("trace") / "trace"
    first = len(record(b"conv1", 0, CODES))
    path.write_bytes(WHOLE[:place])
    if place != first:
        with pytest.raises(InternalError, match="damaged"):
            read_records(path)
    data = bytearray(WHOLE)
    data[place] = byte
    path.write_bytes(data)
    try:
        records = read_records(path)
    except InternalError:
        return
    assert all(array.ndim == 3 for array in records.values())
