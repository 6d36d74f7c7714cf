"""Streams of frames on a library without an accelerator: the same interface, the same bits."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from programs import evaluate
from runtime_programs import PROGRAMS, values
from streams import NULL_POINTER, OK, Stream, check_stream

from dlk.targets import TARGETS
from dlk.verify.executors import LibraryExecutor


def opened(projects: dict[str, Path], name: str) -> LibraryExecutor:
    return LibraryExecutor(next(projects[name].rglob(TARGETS["x86"].library)), name="x86")


def test_a_stream_is_as_many_runs(projects: dict[str, Path]) -> None:
    program = PROGRAMS["everything"]
    frames = [values(program, seed) for seed in range(4)]
    with opened(projects, "everything") as executor:
        check_stream(executor, frames, [evaluate(program, x)["output"] for x in frames])


def test_images_make_a_stream_too(projects: dict[str, Path]) -> None:
    shape = PROGRAMS["everything"].tensors["input"].shape
    images = [np.random.default_rng(seed).integers(0, 256, shape, np.uint8) for seed in range(3)]
    with opened(projects, "everything") as executor:
        want = [executor.run_pixels(image) for image in images]
        for got, wanted in zip(Stream(executor).run(images), want, strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_null_pointers_are_a_status(projects: dict[str, Path]) -> None:
    with opened(projects, "slim") as executor:
        stream = Stream(executor)
        null = ctypes.c_void_p(None)
        assert stream.library.dlk_submit(null, null, null) == NULL_POINTER
        assert stream.library.dlk_submit(stream.network, null, null) == NULL_POINTER
        assert stream.library.dlk_submit_pixels(stream.network, null, null) == NULL_POINTER
        assert stream.library.dlk_collect(null) == NULL_POINTER
        assert stream.library.dlk_frames(null) == 0
        assert stream.submit(values(PROGRAMS["slim"])) == OK
