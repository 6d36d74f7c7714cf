"""The driver on a PC: what the library computes with the stand-in behind it, and what it says when that misbehaves."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from accelerated import drawn, segnet, step_of
from fpga import TWIN, assert_layers, build_program, opened, traced
from programs import evaluate
from runtime_programs import values
from streams import Stream, check_stream

from dlk.errors import DlkError
from dlk.profile.latency import measure
from dlk.profile.library import ProfiledLibrary
from dlk.verify.executors import LibraryExecutor

ABSENT, FOREIGN, TIMEOUT, ERROR = 10, 11, 12, 13


@pytest.fixture
def library(fpga_library: Path) -> Path:
    return fpga_library


def test_every_layer_is_equal(library: Path, stand_in: Path) -> None:
    program = segnet()
    with opened(library, stand_in) as executor:
        for seed in range(3):
            x = values(program, seed)
            assert_layers(program, executor.trace(x), x)
            np.testing.assert_array_equal(executor.run(x), evaluate(program, x)["output"])
    assert_layers(program, traced(library, stand_in, TWIN).trace(x), x)


@pytest.mark.parametrize("seed", [12, 33, 40])
def test_random_networks_are_equal(stand_in: Path, tmp_path: Path, seed: int) -> None:
    """Moves, kernels, paddings, directions of thresholds; codes at the end, or sums of one pass or of several."""
    program = drawn(seed)
    x = values(program)
    with opened(build_program(tmp_path / "project", program), stand_in) as executor:
        assert_layers(program, executor.trace(x), x)


def test_two_networks_do_not_disturb_each_other(library: Path, stand_in: Path) -> None:
    program = segnet()
    with opened(library, stand_in) as one, opened(library, stand_in) as other:
        for seed in range(2):
            x, y = values(program, seed), values(program, seed + 9)
            np.testing.assert_array_equal(one.run(x), evaluate(program, x)["output"])
            np.testing.assert_array_equal(other.run(y), evaluate(program, y)["output"])


def refused(library: Path, **variables: str) -> str:
    """Return why a library can't be initialised."""
    with pytest.raises(DlkError) as caught, LibraryExecutor(library, name="fpga", variables=variables):
        pass
    return str(caught.value.received)


def test_a_way_that_does_not_exist_is_refused(library: Path, tmp_path: Path) -> None:
    assert "DLK_FPGA is pci, and the ways to it are dev_mem sim original_tca" in refused(library, DLK_FPGA="pci")
    assert "DLK_FPGA_SIM names no simulator" in refused(library, DLK_FPGA="sim", DLK_FPGA_SIM="")
    assert "none.so: cannot open" in refused(library, DLK_FPGA="sim", DLK_FPGA_SIM=str(tmp_path / "none.so"))
    assert "dlk_sim_create" in refused(library, DLK_FPGA="sim", DLK_FPGA_SIM=str(library)), "a library of another kind"


@pytest.mark.parametrize("text", ["soon", "0", "-5", "10s"])
def test_a_time_limit_that_is_none_is_refused(library: Path, stand_in: Path, text: str) -> None:
    told = refused(library, DLK_FPGA="sim", DLK_FPGA_SIM=str(stand_in), DLK_FPGA_TIMEOUT_MS=text)
    assert f"DLK_FPGA_TIMEOUT_MS is {text}, and not a number of ms" in told


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("id=0", "the accelerator cannot be reached: nothing answers: ID reads 0"),
        ("id=ffffffff", "nothing answers: ID reads ffffffff"),
        ("id=12345678", "a foreign device: ID reads 12345678, not 314b4c44"),
        ("version=2", "an accelerator of another version: VERSION reads 2, not 1"),
        ("array=10202008", "an accelerator with another array: ARRAY reads 10202008, not 10202004"),
        ("buffers=802000", "an accelerator with other buffers: BUFFERS reads 802000, not 1002000"),
    ],
)
def test_what_answers_must_be_the_accelerator(library: Path, stand_in: Path, fault: str, words: str) -> None:
    assert words in refused(library, DLK_FPGA="sim", DLK_FPGA_SIM=str(stand_in), STAND_IN=fault)


class Raw:
    """The C functions themselves, for their statuses."""

    def __init__(self, executor: LibraryExecutor) -> None:
        self.library = executor._library
        self.network = ctypes.c_void_p(executor._network)
        self.output = np.zeros(executor.output_shape, np.float32)

    def run(self, x: np.ndarray) -> int:
        return int(self.library.dlk_run(self.network, x.ctypes.data, self.output.ctypes.data))

    def classic(self, x: np.ndarray) -> None:
        self.library.network_run.restype = None
        self.library.network_run.argtypes = [ctypes.c_void_p] * 3
        self.library.network_run(self.network, x.ctypes.data, self.output.ctypes.data)

    @property
    def error(self) -> str:
        return str(self.library.dlk_last_error(self.network).decode())


def test_an_error_names_the_layer_and_the_registers_and_is_no_end(
    library: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = segnet()
    x = values(program)
    with opened(library, stand_in) as executor:
        raw = Raw(executor)
        monkeypatch.setenv("STAND_IN", "error=3,at=2")
        assert raw.run(x) == ERROR
        assert "the memory answered a read with an error, in layer conv4; registers: ID=314b4c44 VERSION=1" in raw.error
        assert " STATUS=4 " in raw.error
        assert " ERROR=3 ERROR_COMMAND=2 " in raw.error
        assert raw.error.endswith(" WORDS_WRITTEN=0"), "all of them"
        raw.classic(x)
        assert np.isnan(raw.output).all()
        monkeypatch.setenv("STAND_IN", "")
        np.testing.assert_array_equal(executor.run(x), evaluate(program, x)["output"])


def test_a_run_that_does_not_end_is_abandoned_in_time(
    library: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = segnet()
    x = values(program)
    with opened(library, stand_in, DLK_FPGA_TIMEOUT_MS="20") as executor:
        raw = Raw(executor)
        monkeypatch.setenv("STAND_IN", "hang=1,stuck=1")
        assert raw.run(x) == TIMEOUT
        assert "did not end in time: no end within 20 ms; registers:" in raw.error
        assert " STATUS=1 " in raw.error
        assert " COMMANDS=1 " in raw.error
        assert raw.run(x) == TIMEOUT
        assert "still busy with a run that was abandoned" in raw.error
        monkeypatch.setenv("STAND_IN", "")
        np.testing.assert_array_equal(executor.run(x), evaluate(program, x)["output"])


def test_nothing_is_computed_for_a_refused_input(library: Path, stand_in: Path) -> None:
    x = values(segnet())
    x[0, 0, 0] = np.nan
    with opened(library, stand_in) as executor, pytest.raises(DlkError, match="did not run"):
        executor.run(x)


def test_a_stream_is_as_many_runs(library: Path, stand_in: Path) -> None:
    program = segnet()
    frames = [values(program, seed) for seed in range(5)]
    with opened(library, stand_in) as executor:
        check_stream(executor, frames, [evaluate(program, x)["output"] for x in frames])


def test_a_frame_that_fails_ends_the_stream_and_not_the_next_one(
    library: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both frames are in the accelerator's memory before the first is done."""
    program = segnet()
    frames = [values(program, seed) for seed in range(2)]
    with opened(library, stand_in, DLK_FPGA_TIMEOUT_MS="20") as executor:
        stream = Stream(executor)
        monkeypatch.setenv("STAND_IN", "hang=0")
        assert [stream.submit(frame.copy()) for frame in frames] == [0, 0]
        assert stream.collect() == TIMEOUT
        assert stream.under_way == 0
        monkeypatch.setenv("STAND_IN", "")
        check_stream(executor, frames, [evaluate(program, x)["output"] for x in frames])


def test_the_accelerated_step_is_timed_and_known(
    library: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLK_FPGA", "sim")
    monkeypatch.setenv("DLK_FPGA_SIM", str(stand_in))
    with ProfiledLibrary(library, name="fpga") as profiled:
        (facts,) = (facts for facts in profiled.facts if facts.kind == "accelerated")
        assert facts.macs == step_of(segnet()).macs > 0
        assert (facts.input_bits, facts.output_bits, facts.weight_bits, facts.bit_adds) == (2, 32, 1, 0)
        times = dict(zip([facts.name for facts in profiled.facts], measure(profiled, runs=3).steps, strict=True))
    assert times["accelerator"] > 0
