"""The programs that the runtime's tests build, and inputs for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from programs import Builder, codes, evaluate

from dlk.lowering.program import Program, Window


def everything() -> Program:
    """Every kind of step, 1 to 4 bits, kernels 1, 3 and 5, channels that are multiples of nothing."""
    net = Builder("everything", (20, 36, 3), 1).space_to_depth().float_conv(3, 7, 2).quant_conv(3, 12, 3)
    net.space_to_depth().quant_conv(1, 17, 1).quant_conv(5, 8, 4, correlated=0.9).depth_to_space()
    net.quant_conv(3, 6, 2).dequantize().space_to_depth().depth_to_space()
    return net.float_conv(1, 5, 0).program()


def wide() -> Program:
    """Sums beyond 16 bits, rows that fill words to the last bit, a kernel wider than the image, floats at the end."""
    net = Builder("wide", (8, 32, 3), 2).float_conv(1, 40, 4).space_to_depth().space_to_depth()
    return net.quant_conv(5, 3, 0).program("DivideBy255")


def odd() -> Program:
    """An odd size without padding columns, one output, a row that crosses words."""
    net = Builder('odd <1x1> "é"', (7, 67, 3), 3).float_conv(1, 9, 2).quant_conv(1, 1, 2)
    return net.quant_conv(1, 4, 2).dequantize().program()


def slim() -> Program:
    """One channel, one pixel in a row, kernels wider than that, from codes to floats and to codes again."""
    net = Builder("slim", (9, 1, 1), 2).float_conv(3, 2, 2).quant_conv(5, 1, 2).quant_conv(3, 1, 1)
    return net.quant_conv(1, 1, 0).float_conv(5, 3, 2).dequantize().program()


def branching() -> Program:
    """Every step that chains do not need: windows of stride 2, pools, parts, pads; odd sizes, parts used twice."""
    net = Builder("branching", (23, 37, 3), 5).float_conv(3, 6, 2)
    left, right = net.split(2, 4)
    net.quant_conv(3, 5, 2, stride=2)
    skip = net.last
    net.go_on_from(left).quant_conv(5, 3, 2, stride=2, ternary=True).concat(skip, skip).max_pool(3, 1)
    first, _ = net.split(6, 7)
    net.concat(first).pad((1, 2), (3, 0), (0, 2))
    window = Window((2, 3), 1, (0, 2))  # even, not square, padded on one side only
    net.quant_conv(0, 7, 3, window=window, size=(14, 22)).max_pool(2, 2).quant_conv(3, 4, 2, ternary=True)
    net.max_pool(0, 2, Window((1, 1), 2)).quant_conv(1, 5, 2, stride=2)
    return net.go_on_from(right).concat(left).quant_conv(3, 3, 0, ternary=True, stride=2).program()


def mixed(name: str = "mixed") -> Program:
    """Floats in the middle and at both ends, with sums that pass through subnormal numbers."""
    net = Builder(name, (12, 20, 3), 4).space_to_depth().float_conv(3, 7, 2).quant_conv(3, 12, 2).space_to_depth()
    net.quant_conv(3, 16, 3).depth_to_space().quant_conv(1, 5, 2).quant_conv(3, 3, 0)
    return net.float_conv(1, 6, 4).quant_conv(5, 5, 1).dequantize().float_conv(3, 4, 0).program()


def sized(height: int, width: int) -> Program:
    """The same weights for any size, so that the kernels need not be compiled again for another one."""
    net = Builder("sized", (height, width, 3), 6).float_conv(3, 4, 2).quant_conv(5, 8, 1)
    return net.depth_to_space().space_to_depth().quant_conv(3, 4, 0).program()


PROGRAMS = {program.name: program for program in (everything(), wide(), odd(), slim(), branching())}
RGB = [name for name, program in PROGRAMS.items() if program.tensors[program.input].shape[2] == 3]


def values(program: Program, seed: int = 0) -> NDArray[np.float32]:
    """Return an input with every kind of number that is allowed: large, tiny, subnormal, -0."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=program.tensors[program.input].shape).astype(np.float32)
    x.flat[::7] = 0.0
    x.flat[1::11] = -0.0
    x.flat[2::13] *= np.float32(1e-38)
    x.flat[3::97] *= np.float32(1e15)
    return x


def assert_same(program: Program, got: dict[str, NDArray], x: NDArray[np.float32]) -> None:
    """Compare every layer's codes and every bit of the output."""
    want = evaluate(program, x)
    for name, expected in codes(program, want).items():
        np.testing.assert_array_equal(got[name], expected, err_msg=name)
    np.testing.assert_array_equal(got["output"].view(np.uint32), want["output"].view(np.uint32))
