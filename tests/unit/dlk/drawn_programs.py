"""Random programs: a float convolution, then steps that each read some tensor made before, then floats again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

from programs import Builder

from dlk.lowering.program import Kind, Program, Window

# Widths around the ends of words and of tiles of 64 to 512 pixels; their images are low.
BORDERS = (63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 513)
WINDOWS = ((1, 1), (3, 3), (3, 3), (5, 5), (1, 3), (3, 1), (2, 2), (4, 3), (2, 5))
MOST_INPUTS = 1000  # of one output; see WIDTHS in catalogue.py
# Bits of codes that a convolution makes, by bits of those that it reads and by ternary weights; each is a kernel to
# compile. Mostly 2, so that there is something to join.
LINKS = {
    (1, False): (1, 2, 2),
    (2, False): (2, 2, 3, 4),
    (3, False): (2,),
    (4, False): (2, 1),
    (1, True): (4,),
    (2, True): (2, 2, 1),
    (3, True): (3,),
    (4, True): (2,),
}


def drawn(rng: Random, *, length: int = 6, most_pixels: int = 3000) -> Program:
    """Draw a network with up to ``length`` steps between its float convolution and its end."""
    size = (rng.randint(1, 40), rng.randint(1, 140))
    if rng.random() < 0.3:
        size = (rng.randint(1, 4), rng.choice(BORDERS))
    size = (min(size[0], max(most_pixels // size[1], 1)), size[1])
    net = Builder("drawn", (*size, rng.randint(1, 6)), rng.getrandbits(32))
    if min(size) > 1 and rng.random() < 0.3:
        net = Builder("drawn", (size[0] // 2 * 2, size[1] // 2 * 2, rng.randint(1, 3)), rng.getrandbits(32))
        net.space_to_depth()
    net.float_conv(rng.choice((1, 3, 5)), rng.randint(1, 20), rng.randint(1, 4))
    made = [net.last]
    for _ in range(rng.randint(0, length)):
        net.go_on_from(rng.choice(made[-3:]))
        rng.choice(_STEPS)(net, rng, made)
    net.go_on_from(made[-1])
    _end(net, rng)
    return net.program(rng.choice(("DivideBy255", "PerImageStandardization")))


def seeded(seed: int, *, length: int = 6, most_pixels: int = 3000) -> Program:
    """Return one network, always the same."""
    return drawn(Random(seed), length=length, most_pixels=most_pixels)  # noqa: S311 - no secrets here


def all_kernels() -> Program:
    """Return a program that needs every kernel that a drawn one may need, if all trees are those of WIDTHS."""
    net = Builder("all kernels", (2, 2, 4), 0).space_to_depth().depth_to_space()
    for bits in range(1, 5):
        net.go_on_from("d2s1:0").float_conv(1, 4, bits).max_pool(1, 1).space_to_depth().depth_to_space()
        source = net.pad((0, 1), (0, 0), (0, 0)).last
        for ternary in (False, True):
            for bits_out in (0, *sorted(set(LINKS[bits, ternary]))):
                net.go_on_from(source).quant_conv(1, 2, bits_out, ternary=ternary)
        net.go_on_from(source).dequantize()
    return net.float_conv(1, 1, 0).program()


def _end(net: Builder, rng: Random) -> None:
    """Back to floats: by a table, or by a convolution of codes; then perhaps more floats, or codes once more."""
    if rng.random() < 0.3:
        net.dequantize()
    else:
        _quant_conv(net, rng, codes=False)
    if rng.random() < 0.3:
        net.float_conv(rng.choice((1, 3)), rng.randint(1, 7), rng.randint(1, 4)).dequantize()
    if rng.random() < 0.3:
        net.float_conv(rng.choice((1, 3)), 4 * rng.randint(1, 2), 0).depth_to_space()


def _quant_conv(net: Builder, rng: Random, *, codes: bool) -> None:
    window, size = _window(net, rng)
    most = MOST_INPUTS // (window.kernel[0] * window.kernel[1])
    if net.tensor.shape[2] > most:
        window, size = Window((1, 1)), net.tensor.shape[:2]
    correlated = rng.choice((0.0, 0.0, 0.6, 0.95, 1.0))
    ternary = rng.random() < 0.4
    bits = rng.choice(LINKS[net.tensor.bits, ternary]) if codes else 0
    net.quant_conv(0, _channels(rng), bits, correlated=correlated, ternary=ternary, window=window, size=size)


def _window(net: Builder, rng: Random) -> tuple[Window, tuple[int, int]]:
    """Draw a window that fits: VALID, SAME, or with any padding, also more than its own size; and its output's size."""
    kernel, stride = rng.choice(WINDOWS), rng.choice((1, 1, 2))
    shape = net.tensor.shape[:2]
    kind = rng.choice(("same", "same", "valid", "any"))
    if kind == "same":
        return Window.same(kernel, shape, stride), (-(-shape[0] // stride), -(-shape[1] // stride))
    before, after = [
        (0, 0) if kind == "valid" else (rng.randint(0, kernel[0] + 1), rng.randint(0, kernel[1] + 1)) for _ in "ab"
    ]
    rows, columns = (shape[a] + before[a] + after[a] - kernel[a] for a in (0, 1))
    if rows < 0 or columns < 0:
        return Window((1, 1)), shape
    return Window(kernel, stride, before), (rows // stride + 1, columns // stride + 1)


def _channels(rng: Random) -> int:
    return rng.choice((rng.randint(1, 10), rng.randint(1, 40)))


def _conv_step(net: Builder, rng: Random, made: list[str]) -> None:
    _quant_conv(net, rng, codes=True)
    made.append(net.last)


def _pool_step(net: Builder, rng: Random, made: list[str]) -> None:
    window, size = _window(net, rng)
    made.append(net.max_pool(0, window.stride, window, size).last)


def _concat_step(net: Builder, rng: Random, made: list[str]) -> None:
    def alike(name: str) -> bool:
        a, b = net.tensors[name], net.tensor
        return (a.shape[:2], a.bits) == (b.shape[:2], b.bits)

    parts = [rng.choice([name for name in made if alike(name)]) for _ in range(rng.randint(0, 3))]
    channels = sum(net.tensors[part].shape[2] for part in parts)
    if channels + net.tensor.shape[2] <= 80:
        made.append(net.concat(*parts).last)


def _split_step(net: Builder, rng: Random, made: list[str]) -> None:
    channels = net.tensor.shape[2]
    cuts = sorted(rng.sample(range(1, channels), min(channels - 1, rng.randint(0, 2))))
    ends = [0, *cuts, channels]
    parts = net.split(*(b - a for a, b in pairwise(ends)))
    made.extend(rng.sample(parts, rng.randint(1, len(parts))))


def _pad_step(net: Builder, rng: Random, made: list[str]) -> None:
    rows, columns, channels = ((rng.randint(0, 3), rng.randint(0, 3)) for _ in range(3))
    made.append(net.pad(rows, columns, channels).last)


def _space_to_depth_step(net: Builder, rng: Random, made: list[str]) -> None:
    height, width, channels = net.tensor.shape
    if height % 2 == width % 2 == 0 and channels <= 20:
        made.append(net.space_to_depth().last)


def _depth_to_space_step(net: Builder, rng: Random, made: list[str]) -> None:
    height, width, channels = net.tensor.shape
    if channels % 4 == 0 and height * width <= 1500:
        made.append(net.depth_to_space().last)


_STEPS: tuple[Callable[[Builder, Random, list[str]], None], ...] = (
    *(_conv_step,) * 4,
    *(_pool_step,) * 2,
    *(_concat_step,) * 2,
    *(_split_step,) * 2,
    _pad_step,
    _space_to_depth_step,
    _depth_to_space_step,
)


def describe(program: Program) -> str:
    """Return the steps with the shapes of what they make, for a failed example."""
    lines = [f"input {program.tensors[program.input].shape}"]
    for step in program.steps:
        made = [(t.shape, t.bits) for t in (program.tensors[name] for name in step.writes)]
        lines.append(f"{type(step).__name__} {step.reads} -> {made} {getattr(step, 'window', '')}")
    assert program.tensors[program.output].kind is Kind.FLOAT
    return "\n".join(lines)
