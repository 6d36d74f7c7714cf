"""Steps on floats, as graphs from elsewhere have them: the library equals numpy on every instruction set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from catalogue import present
from interpreter import softmax
from made_once import MadeOnce
from programs import Builder
from runtime_programs import assert_same, values

from dlk.build import build, trace_program
from dlk.codegen import emit
from dlk.lowering.program import Program, Window
from dlk.targets import TARGETS
from dlk.verify.executors import LibraryExecutor, ProgramExecutor


def floats() -> Program:
    """Every step on floats: windows of any kind, arithmetic of two tensors, parts, joins, pads, codes of floats."""
    net = Builder("floats", (15, 21, 3), 7)
    net.float_conv(0, 6, 0, window=Window((3, 2), 2, (1, 0)), size=(8, 10)).pointwise("leaky_relu", alpha=0.1)
    first = net.last
    net.affine().pointwise("relu")
    second = net.last
    net.pointwise("add", first).pointwise("max", first)
    net.pointwise("sub", second).pointwise("min", second)
    left, _ = net.split(2, 4)
    net.concat(left, first).pad((1, 0), (0, 2), (1, 3)).max_pool(3, 2)
    net.average_pool(Window((3, 3), 1, (1, 1)), (5, 6), padded=False).average_pool(
        Window((2, 3), 2, (0, 1)), (2, 3), padded=True
    )
    net.threshold(2).quant_conv(3, 8, 0)
    sums = net.last
    net.threshold(3).dequantize().pointwise("mul", sums)
    net.average_pool(Window((2, 3)), (1, 1), padded=False).float_conv(1, 5, 0)
    return net.softmax().program()


@pytest.fixture(scope="session")
def project(made_once: MadeOnce) -> Path:
    def make(folder: Path) -> None:
        for name in ("x86", "arm"):
            emit(floats(), folder / name, present(TARGETS[name]))
            build(folder / name, TARGETS[name])

    return made_once.folder("floats", make)


@pytest.mark.parametrize("isa", [isa.name for isa in present(TARGETS["x86"]).isas])
def test_floats_are_the_same_on_every_instruction_set(project: Path, isa: str) -> None:
    with LibraryExecutor(project / "x86/build/libdlk_x86.so", name=isa, isa=isa, threads=2) as library:
        for seed in range(3):
            x = values(floats(), seed)
            assert_same(floats(), library.trace(x), x)


@pytest.mark.needs("qemu-arm")
def test_floats_are_the_same_on_armv7(project: Path) -> None:
    target = TARGETS["arm"]
    executor = ProgramExecutor(
        project / "arm/build" / target.library,
        trace_program(project / "arm"),
        name="arm",
        isa=target.isas[0].name,
        emulator=target.emulator,
    )
    x = values(floats())
    assert_same(floats(), executor.trace(x), x)


def test_softmax_is_near_to_the_real_one() -> None:
    x = (np.random.default_rng(0).normal(size=1000) * 20).astype(np.float32)
    real = np.exp(x.astype(np.float64) - float(x.max()))
    # A polynomial of degree 6 in float32 and a sum that rounds 1000 times; below the least normal number it is 0.
    np.testing.assert_allclose(softmax(x), real / real.sum(), rtol=1e-5, atol=2e-38)
