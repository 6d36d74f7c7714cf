"""Random graphs of others, all that docs/graphs.md says of them kept to: windows, branches, joins, heads, spellings.

``dull`` is a graph that must convert; ``refused_graphs`` puts one part into such a one that must not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
from graph_writers import Conv, Made, Pair, Writer

_SIZES = ((8, 8), (8, 12), (12, 8), (10, 14), (16, 16), (9, 11))
_WINDOWS = ((1, 1), (3, 3), (3, 3), (5, 5), (1, 3), (3, 2), (2, 2), (4, 4), (7, 5))
_MOST_CHANNELS, _MOST_VALUES = 48, 6000


@dataclass(frozen=True, slots=True)
class Graph:
    """A file. floats: whether it runs in float for more than half, so that --allow-float is needed."""

    data: bytes
    suffix: str
    floats: bool


class Drawer:
    """Draws one graph; ``made`` are the tensors that later parts may read."""

    def __init__(self, writer: Writer) -> None:
        self.w, self.rng = writer, writer.rng
        self.kind = (self.rng.choice((1, 2, 2, 2, 3, 4)), self.rng.choice((1.0, 2.0, 1.5)))
        self.made: list[Made] = []

    def quantized(self, made: Made, name: str = "") -> Made:
        """Return codes, mostly of the graph's own kind."""
        bits, top = self.kind if self.rng.random() < 0.8 else (self.rng.randint(1, 4), self.rng.choice((0.75, 3.0)))
        return self.w.quantize(made, bits, top, name)

    def conv_of(self, made: Made, *, weights: str = "", channels: int = 0) -> Conv:
        """Draw a convolution that fits."""
        rng, size = self.rng, made.shape[:2]
        window, stride = rng.choice(_WINDOWS), rng.choice((1, 1, 1, 2))
        kind = rng.choice(("same", "same", "valid", "any"))
        pads = None
        if kind == "valid" and all(k <= n for k, n in zip(window, size, strict=True)):
            pads = ((0, 0), (0, 0))
        elif kind == "any":
            pads = tuple((rng.randint(0, k), rng.randint(0, k)) for k in window)
            if any(k > n + sum(pad) for k, n, pad in zip(window, size, pads, strict=True)):
                pads = None
        group, outputs = 1, channels or rng.choice((4, 6, 8, 12))
        if rng.random() < 0.25 and not channels and not made.image:
            group = rng.choice([g for g in (2, 3, 4, made.channels) if made.channels % g == 0] or [1])
            outputs = group * rng.choice((1, 2) if group > 4 else (1, 2, 3))
        weights = weights or self.weights()
        # TensorFlow's sums in float of groups are as any other's; a scale for channels of several groups is refused.
        if self.w.suffix == "pb" and weights == "channel" and group == made.channels > 1:
            weights = "tensor"
        return Conv(outputs, window, stride, pads, group, weights, rng.random() < 0.3)

    def weights(self) -> str:
        kinds = ("tensor", "channel") if self.w.suffix == "pb" else ("tensor", "channel", "ternary")
        return self.rng.choice(kinds)

    def block(self, made: Made, *, weights: str = "", channels: int = 0) -> Made:
        """Convolution, normalisation, quantizer, with what may stand between."""
        x = self.w.conv(made, self.conv_of(made, weights=weights, channels=channels))
        if self.rng.random() < 0.3:
            x = self.arithmetic(x)
        x = self.w.norm(x)
        if self.rng.random() < 0.3:
            x = self.w.rectify(x, self.rng.choice(("Relu", "Relu6", "Min")))
        return self.quantized(x)

    def arithmetic(self, made: Made) -> Made:
        return self.w.constant(made, self.rng.choice(("Add", "Sub", "Mul", "Div")), each=self.rng.random() < 0.6)

    def between(self, made: Made) -> Made:
        """Normalise what is quantized next, or not; always where a half would not be rounded up."""
        return self.w.norm(made) if not self.w.half_up or self.rng.random() < 0.5 else made

    def first(self) -> Made:
        """What reads the picture."""
        x = self.w.start()
        if self.rng.random() < 0.2:
            x = self.w.pad(x, ((1, 2), (0, 1)))
        if x.shape[0] % 2 == x.shape[1] % 2 == 0 and self.rng.random() < 0.3:
            x = self.w.deeper(x, 2)
        return self.block(x, weights=self.rng.choice(("float", "float", self.weights())))

    def alike(self, made: Made, *, channels: bool) -> list[Made]:
        """Return the tensors of the same rows and columns, or of the same shape."""
        return [
            other
            for other in self.made
            if other.shape[:2] == made.shape[:2] and (not channels or other.channels == made.channels)
        ]

    def body(self) -> None:
        """Add one part, and what it makes to ``made``."""
        made = self.rng.choice(self.made[-2:])
        for new in self.rng.choice(_PARTS)(self, made):
            if new.channels > _MOST_CHANNELS or int(np.prod(new.shape)) > _MOST_VALUES:
                new = self.block(new, channels=4)
            self.made.append(new)

    def end(self) -> Made:
        """Draw how a network ends."""
        last = self.made[-1]
        return self.rng.choice(_HEADS)(self, last)


def _conv(d: Drawer, made: Made) -> Iterator[Made]:
    yield d.block(made)


def _residual(d: Drawer, made: Made) -> Iterator[Made]:
    """Two tensors of one shape, quantized again."""
    partner = d.rng.choice([*d.alike(made, channels=True), made])
    if partner is made or d.rng.random() < 0.5:
        conv = Conv(made.channels, d.rng.choice(((1, 1), (3, 3))), weights=d.weights())
        partner = d.w.norm(d.w.conv(made, conv))
        if d.rng.random() < 0.5:
            partner = d.quantized(partner)
    op = d.rng.choice(("Add", "Add", "Add", "Sub", "Mul", "Max", "Min"))
    x = d.w.two(op, *d.rng.sample([partner, made], 2))
    yield d.quantized(d.between(x))


def _pool(d: Drawer, made: Made) -> Iterator[Made]:
    window, stride = d.rng.choice(((2, 2), (2, 2), (3, 3), (2, 3))), d.rng.choice((1, 2, 2))
    if any(k > n for k, n in zip(window, made.shape, strict=False)):
        return
    mean = d.rng.random() < 0.3
    x = d.w.pool(made, window, stride, same=d.rng.random() < 0.5, mean=mean)
    yield d.quantized(d.w.norm(x)) if mean else x  # a mean of codes lies on halves, where float32 may round either way


def _concat(d: Drawer, made: Made) -> Iterator[Made]:
    same = [other for other in d.alike(made, channels=False) if other.codes == made.codes]
    parts = [made, *d.rng.sample(same, min(len(same), d.rng.randint(1, 2)))]
    yield d.w.concat(parts)


def _open_concat(d: Drawer, made: Made) -> Iterator[Made]:
    """Convolutions that are joined before they are normalised."""
    conv = d.conv_of(made)
    parts = [
        d.w.conv(made, Conv(d.rng.choice((2, 4)), conv.window, conv.stride, conv.pads, 1, d.weights())) for _ in "ab"
    ]
    yield d.quantized(d.w.norm(d.w.concat(parts)))


def _split(d: Drawer, made: Made) -> Iterator[Made]:
    half = made.channels // 2
    if not half:
        return
    sizes = (half, made.channels - half) if d.rng.random() < 0.6 else (made.channels - half, half)
    left, right = d.w.split(made, sizes)
    yield left
    if d.rng.random() < 0.5:
        conv = Conv(4, (3, 3), weights=d.weights())
        yield d.w.concat([d.w.quantize(d.w.norm(d.w.conv(part, conv)), *d.kind) for part in (left, right)])
    else:
        yield right


def _pad(d: Drawer, made: Made) -> Iterator[Made]:
    pairs = [(d.rng.randint(0, 2), d.rng.randint(0, 2)) for _ in range(3)]
    yield d.w.pad(made, (pairs[0], pairs[1]), pairs[2] if d.rng.random() < 0.4 else (0, 0))


def _move(d: Drawer, made: Made) -> Iterator[Made]:
    block = d.rng.choice((2, 2, 4))
    if made.channels % (block * block) == 0 and d.rng.random() < 0.6:
        yield d.w.wider(made, block)
    elif made.shape[0] % block == made.shape[1] % block == 0 and made.channels <= 12:
        yield d.w.deeper(made, block)


def _enlarge(d: Drawer, made: Made) -> Iterator[Made]:
    factor = d.rng.choice((2, 2, 4))
    if int(np.prod(made.shape)) * factor * factor <= _MOST_VALUES:
        yield d.w.enlarge(made, factor)


def _same(d: Drawer, made: Made) -> Iterator[Made]:
    yield d.w.same(made)


def _floats(d: Drawer, made: Made) -> Iterator[Made]:
    """Some arithmetic of floats."""
    x = d.arithmetic(made)
    x = d.w.rectify(x, d.rng.choice(("Relu", "LeakyRelu", "Max", "Relu6", "Min", "Min and Max")))
    yield d.quantized(d.between(x))


def _depthwise(d: Drawer, made: Made) -> Iterator[Made]:
    conv = Conv(made.channels * d.rng.choice((1, 1, 2)), (3, 3), group=made.channels, weights="tensor")
    yield d.quantized(d.w.norm(d.w.conv(made, conv)))


_PARTS: tuple[Callable[[Drawer, Made], Iterator[Made]], ...] = (
    _conv, _conv, _conv, _residual, _residual, _pool, _pool, _concat, _open_concat, _split, _pad, _move, _enlarge,
    _same, _floats, _depthwise,
)  # fmt: skip


def _codes(d: Drawer, made: Made) -> Made:
    return d.block(made)


def _sums(d: Drawer, made: Made) -> Made:
    """A map of classes: sums, perhaps with a softmax."""
    x = d.w.conv(made, Conv(5, (1, 1), weights=d.weights(), bias=True))
    return d.w.softmax(x) if d.rng.random() < 0.3 else x


def _classes(d: Drawer, made: Made) -> Made:
    """A convolution of floats, its mean, a softmax."""
    x = d.w.conv(made, Conv(5, (1, 1), weights=d.rng.choice(("float", d.weights())), bias=True))
    x = d.w.mean(x)
    x = d.w.flat(x) if d.rng.random() < 0.7 else x
    return d.w.softmax(x) if d.rng.random() < 0.7 else x


def _vector(d: Drawer, made: Made) -> Made:
    """The mean of each channel, a matrix, a softmax."""
    x = d.w.mean(made)
    x = x if x.rank == 2 else d.w.flat(x)
    x = d.w.matrix(x, 5)
    return d.w.softmax(x) if d.rng.random() < 0.7 else x


def _flattened(d: Drawer, made: Made) -> Made:
    """A matrix over all values, of floats or of signs."""
    x = d.w.matrix(d.w.flat(made), 6, d.rng.choice(("float", "tensor", "tensor")))
    if d.rng.random() < 0.4:
        x = d.w.matrix(d.w.quantize(x, *d.kind), 4, d.rng.choice(("float", "tensor")))
    return x


_HEADS: tuple[Callable[[Drawer, Made], Made], ...] = (_codes, _sums, _classes, _vector, _flattened)


def dull(writer: Writer, *, length: int = 0) -> tuple[Drawer, Made]:
    """Draw a graph that must convert, up to its output."""
    drawer = Drawer(writer)
    drawer.made.append(drawer.first())
    drawer.made.append(drawer.block(drawer.made[-1]))  # behind the first layer there is one that is quantized
    for _ in range(length or writer.rng.randint(0, 4)):
        drawer.body()
    return drawer, drawer.end()


def draw(make: Callable[[Random, Pair], Writer], seed: int) -> Graph:
    """Return a graph that must convert; the same for the same seed."""
    rng = Random(seed)  # noqa: S311 - no secrets here
    writer = make(rng, rng.choice(_SIZES))
    _, output = dull(writer)
    return Graph(writer.file(output), writer.suffix, output.mostly_float)
