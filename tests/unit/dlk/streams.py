"""The stream functions of a library, by ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlk.verify.executors import LibraryExecutor

OK, NULL_POINTER, INPUT_VALUE, NOT_AVAILABLE = 0, 1, 6, 8
FRAMES = 2


class Stream:
    """dlk_submit and dlk_collect of an open library; outputs are kept alive here."""

    def __init__(self, executor: LibraryExecutor) -> None:
        self.library = executor._library
        self.network = ctypes.c_void_p(executor._network)
        self.shape = executor.output_shape
        self.outputs: list[NDArray[np.float32]] = []

    def submit(self, x: NDArray) -> int:
        output = np.full(self.shape, np.nan, np.float32)
        x = np.ascontiguousarray(x)
        function = self.library.dlk_submit if x.dtype == np.float32 else self.library.dlk_submit_pixels
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (x, output)]
        status = int(function(self.network, *pointers))
        x[...] = 0  # the library has what it needs
        if status == OK:
            self.outputs.append(output)
        return status

    def collect(self) -> int:
        return int(self.library.dlk_collect(self.network))

    @property
    def under_way(self) -> int:
        return int(self.library.dlk_frames(self.network))

    @property
    def error(self) -> str:
        return str(self.library.dlk_last_error(self.network).decode())

    def run(self, frames: Sequence[NDArray]) -> list[NDArray[np.float32]]:
        """Keep two frames under way as long as there are any."""
        self.outputs = []
        for number, frame in enumerate(frames):
            assert self.submit(frame.copy()) == OK
            if number:
                assert self.collect() == OK
        assert self.collect() == OK
        assert self.under_way == 0
        return self.outputs


def check_stream(executor: LibraryExecutor, frames: Sequence[NDArray], expected: Sequence[NDArray]) -> None:
    """Compare a stream with what is expected, and try what is not allowed."""
    stream = Stream(executor)
    assert stream.collect() == NOT_AVAILABLE
    assert "no frame is under way" in stream.error
    for got, want in zip(stream.run(frames), expected, strict=True):
        np.testing.assert_array_equal(got, want)
    assert [stream.submit(frames[0].copy()) for _ in range(FRAMES)] == [OK] * FRAMES
    assert stream.submit(frames[0].copy()) == NOT_AVAILABLE
    assert "collect one first" in stream.error
    output = np.zeros(stream.shape, np.float32)
    frame = np.ascontiguousarray(frames[1])
    assert executor._library.dlk_run(stream.network, frame.ctypes.data, output.ctypes.data) == NOT_AVAILABLE
    assert "frames of a stream are under way" in stream.error
    assert stream.collect() == OK
    assert stream.submit(np.full_like(frames[0], np.nan)) == INPUT_VALUE
    assert stream.under_way == 1, "a frame that was refused leaves the others alone"
    assert stream.collect() == OK
    for output in stream.outputs[-FRAMES:]:
        np.testing.assert_array_equal(output, expected[0])
    np.testing.assert_array_equal(executor.run(frames[1]), expected[1])
