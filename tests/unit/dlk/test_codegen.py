"""The emitted project: deterministic, whole or not at all, and nothing emitted that would not compute as defined."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accelerated import segnet
from hypothesis import given
from hypothesis import strategies as st
from programs import Builder

from dlk.codegen import emit
from dlk.codegen.literals import c_string, float_literals, word_literals
from dlk.errors import DlkError, InternalError
from dlk.lowering.class_lists import MAX_INPUTS
from dlk.lowering.program import Affine, Program, QuantConv, Thresholds
from dlk.targets import TARGETS


def small() -> Program:
    return Builder("small", (6, 10, 3), 1).float_conv(1, 5, 2).quant_conv(3, 4, 2).quant_conv(1, 3, 0).program()


def changed(program: Program, index: int, **facts: Any) -> Program:
    steps = list(program.steps)
    steps[index] = dataclasses.replace(steps[index], **facts)
    return dataclasses.replace(program, steps=tuple(steps))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_emission_is_deterministic_and_replaces_what_was_there(tmp_path: Path, target: Any) -> None:
    program = segnet() if target.accelerated else small()
    emit(program, tmp_path / "a", target)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "old").write_text("gone")
    emit(program, tmp_path / "b", target)
    files = tree(tmp_path / "a")
    assert files == tree(tmp_path / "b")
    assert {"CMakeLists.txt", "include/dlk/dlk.h", "generated/network.cpp", "tools/trace.c"} <= files.keys()
    assert {f"generated/isa_{isa.name}.cpp" for isa in target.isas} <= files.keys()
    driver = {"generated/accelerator.cpp", "generated/tca.cpp", "fpga/driver.cpp", "fpga/sim.h"}
    assert driver & files.keys() == (driver if target.accelerated else set())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_refused_program_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "old").write_text("kept")
    program = dataclasses.replace(small(), output="nothing")
    with pytest.raises(InternalError):
        emit(program, tmp_path / "p", TARGETS["x86"])
    assert tree(tmp_path / "p") == {"old": b"kept"}


def many_inputs() -> Program:
    """A window of 3x3 over so many channels that 16 bits could not number them."""
    channels = MAX_INPUTS // 9 + 1
    net = Builder("many", (1, 1, 3), 1).float_conv(1, channels, 1)
    return net.quant_conv(3, 1, 0).program()


def vast() -> Program:
    """An image whose tensors a 32-bit machine cannot address: sizes would wrap around there."""
    return Builder("vast", (1 << 14, 1 << 14, 3), 1).float_conv(1, 1, 1).quant_conv(1, 1, 0).program()


def refusals() -> list[tuple[str, Program]]:
    program = small()
    conv, tail = program.steps[1], program.steps[2]
    assert isinstance(conv, QuantConv) and isinstance(conv.epilogue, Thresholds)
    assert isinstance(tail, QuantConv) and isinstance(tail.epilogue, Affine)
    two = conv.weights.copy()
    two[0, 0, 0, 0] = 2
    scale = tail.epilogue.scale
    turned = dataclasses.replace(conv.epilogue, values=conv.epilogue.values[:, ::-1])
    nan, huge, tiny = (np.where(np.arange(3) == 1, np.float32(v), scale) for v in (np.nan, 2e38, 1e-31))
    return [
        ("never used", dataclasses.replace(program, tensors={})),
        ("out of order", dataclasses.replace(program, steps=program.steps[::-1])),
        ("must be -1, 0 or +1", changed(program, 1, weights=two)),
        ("wrong window", changed(program, 1, weights=conv.weights[:2, :2])),
        ("stride 1 or 2", changed(program, 1, window=dataclasses.replace(conv.window, stride=3))),
        ("input channels", changed(program, 1, weights=conv.weights[:, :, :2])),
        ("must ascend", changed(program, 1, epilogue=turned)),
        ("NaN", changed(program, 2, epilogue=Affine(nan, tail.epilogue.bias))),
        ("overflow", changed(program, 2, epilogue=Affine(huge, tail.epilogue.bias))),
        ("too small", changed(program, 2, epilogue=Affine(tiny, tail.epilogue.bias))),
        ("overflow", changed(program, 0, weights=np.full_like(program.steps[0].weights, 1e20))),
        ("No step writes the output", dataclasses.replace(program, output="input")),
        ("too many inputs", many_inputs()),
        ("too much memory", vast()),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "program"), refusals(), ids=lambda value: value if isinstance(value, str) else "")
def test_refusals_say_what_is_wrong(tmp_path: Path, text: str, program: Program) -> None:
    with pytest.raises(DlkError) as error:
        emit(program, tmp_path / "p", TARGETS["x86"])
    if text != "never used":
        assert text in str(error.value)
    assert not (tmp_path / "p").exists()


def test_a_foreign_name_stays_inside_its_comment(tmp_path: Path) -> None:
    """Names come from files of others; a line end in one must not begin a line of CMake or C++."""
    program = dataclasses.replace(small(), name="x\nmessage(FATAL_ERROR owned)\\")
    emit(program, tmp_path / "p", TARGETS["x86"])
    for name, data in tree(tmp_path / "p").items():
        assert b"\nmessage(FATAL_ERROR" not in data, name
        assert not data.split(b"\n")[0].endswith(b"\\"), name


@given(st.floats(width=32, allow_nan=False))
def test_float_literals_are_exact(value: float) -> None:
    text = float_literals(np.array([value], np.float32))
    if np.isinf(value):
        assert text == ("-" if value < 0 else "") + "__builtin_inff()"
    else:
        assert float.fromhex(text.removesuffix("f")) == value
        assert not text.startswith("-0x0.0p")


def test_words_and_strings() -> None:
    assert word_literals(np.array([0, 2**64 - 1], np.uint64)) == "0x0u, 0xffffffffffffffffu"
    assert c_string('a"b\\é\n?') == '"a\\042b\\134\\303\\251\\012\\077"'
