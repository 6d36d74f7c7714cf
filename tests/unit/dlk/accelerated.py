"""Programs for the accelerator, and what its numpy model makes of their lowered form."""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.typing import NDArray
from programs import Builder

from dlk.hw import golden
from dlk.hw.layout import BYTES, pack_codes, unpack_codes, unpack_sums
from dlk.lowering.offload import offload
from dlk.lowering.program import Accelerated, Program, Tensor, Window

KERNELS = ((1, 1), (3, 3), (3, 3), (2, 2), (1, 3), (5, 1), (4, 3), (7, 7))


def segnet(size: int = 16, seed: int = 1) -> Program:
    """A small LmSegnetV1: every move, kernels of 1 and 3, channels that are no multiple of 32."""
    net = Builder("small segnet", (size, size, 3), seed).space_to_depth().float_conv(1, 8, 2).space_to_depth()
    net.quant_conv(3, 40, 2).quant_conv(1, 32, 2).space_to_depth().quant_conv(3, 128, 2).depth_to_space()
    return net.quant_conv(3, 37, 1).quant_conv(3, 5, 0).program()


def lm_segnet() -> Program:
    """LmSegnetV1Quantize for 360x480 pixels and 11 classes, with random numbers."""
    net = Builder("LmSegnetV1Quantize", (360, 480, 3), 1).space_to_depth().float_conv(1, 16, 2).space_to_depth()
    net.quant_conv(3, 64, 2).quant_conv(3, 64, 2).space_to_depth()
    for _ in range(4):
        net.quant_conv(3, 256, 2)
    net.depth_to_space().quant_conv(3, 128, 2).depth_to_space().quant_conv(3, 128, 2).depth_to_space()
    return net.quant_conv(3, 32, 2).quant_conv(3, 11, 0).program()


def drawn(seed: int) -> Program:
    """A random chain that the accelerator can run."""
    rng = Random(seed)  # noqa: S311 - no secrets here
    size = (rng.randint(1, 9), rng.choice((rng.randint(1, 9), rng.randint(1, 70))))
    net = Builder("drawn", (*size, rng.randint(1, 4)), seed)
    net.float_conv(1, rng.choice((rng.randint(1, 40), 32, 64, 128)), rng.randint(1, 2))
    for _ in range(rng.randint(0, 3)):
        _move(net, rng)
        _conv(net, rng, rng.randint(1, 2))
    _move(net, rng)
    if rng.random() < 0.2:
        _conv(net, rng, 2)
        return net.dequantize().program()
    _conv(net, rng, 0)
    if rng.random() < 0.3:
        net.float_conv(1, 4, 0).depth_to_space()
    return net.program()


def _move(net: Builder, rng: Random) -> None:
    height, width, channels = net.tensor.shape
    if channels % 128 == 0 and height * width < 300:
        net.depth_to_space()
    elif channels % 32 == 0 and height % 2 == width % 2 == 0 and rng.random() < 0.8:
        net.space_to_depth()


def _conv(net: Builder, rng: Random, bits: int) -> None:
    height, width, channels = net.tensor.shape
    kernel = rng.choice(KERNELS) if channels <= 64 else (1, 3)
    outputs = rng.choice((rng.randint(1, 70), 32, 128))
    window, size = Window.same(kernel, (height, width)), (height, width)
    if rng.random() < 0.4:
        before, after = ([rng.randrange(k) for k in kernel] for _ in range(2))
        fits = [n + b + a - k + 1 for n, b, a, k in zip((height, width), before, after, kernel, strict=True)]
        if min(fits) > 0:
            window, size = Window(kernel, 1, (before[0], before[1])), (fits[0], fits[1])
    net.quant_conv(0, outputs, bits, window=window, size=size)


def step_of(program: Program) -> Accelerated:
    """Return the accelerated step that a program is lowered to."""
    (step,) = (step for step in offload(program).steps if isinstance(step, Accelerated))
    return step


def run(step: Accelerated, codes: NDArray[np.uint8], slot: int, result: Tensor) -> tuple[NDArray, dict[str, NDArray]]:
    """Run the commands in the numpy model; return the result of the step, and the codes of each layer."""
    memory = golden.Memory(np.full(step.size // BYTES, 0xA5A5_A5A5_A5A5_A5A5, np.uint64))
    memory.write(0, step.image)
    place = step.slots[slot]
    memory.write(place.input, pack_codes(codes))
    golden.run(memory, place.commands, len(step.layers))
    found = {item.tensor.name: read_codes(memory, item.address, item.tensor) for item in step.codes}
    if not step.sum_words:
        return read_codes(memory, place.output, result), found
    height, width, channels = result.shape
    shape = (-(-channels // 32), height, width, step.sum_words)
    words = memory.read(place.output, int(np.prod(shape))).reshape(shape)
    sums = unpack_sums(words, channels).astype(np.float32)
    assert step.epilogue is not None
    return sums * step.epilogue.scale + (step.epilogue.bias + np.float32(0)), found


def read_codes(memory: golden.Memory, address: int, tensor: Tensor) -> NDArray[np.uint8]:
    """Return codes uint8 [h, w, c] from the memory."""
    height, width, channels = tensor.shape
    shape = (-(-channels // 32), height, width)
    return unpack_codes(memory.read(address, int(np.prod(shape))).reshape(shape), channels)
