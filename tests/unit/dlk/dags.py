"""Networks that are not one chain: branches, windows of any kind, pools, joins; drawn at random or all in one.

The exact ones are made of dyadic numbers, and no value of theirs lies near a boundary between two codes: float32 and
float64, in any order of summation, compute the very same numbers, so that every executor can be compared with ``==``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx
from graphs import Builder, Layer
from numpy.typing import NDArray
from onnx import numpy_helper

Shape = tuple[int, int, int]


class Dag(Builder):
    """Each method reads values by name, adds one node or layer, and returns the name of the value that it makes.

    shapes: (height, width, channels) by value; exact: whether layers get exact numbers.
    """

    def __init__(self, size: tuple[int, int] = (8, 8), *, seed: int = 0, bits: int = 2, exact: bool = True) -> None:
        super().__init__(*size, np.random.default_rng(seed))
        self.bits, self.exact = bits, exact
        self.image = self.add("Transpose", "to_nchw", ["images_placeholder"], perm=[0, 3, 1, 2])
        self.shapes: dict[str, Shape] = {self.image: (*size, 3)}

    def conv(self, x: str, layer: Layer) -> str:
        """Add a layer; its quantizer is the network's unless it has none."""
        height, width, self.channels = self.shapes[x]
        self.value = x
        window = layer.window or (layer.k, layer.k)
        pads = [window[0] // 2, window[1] // 2] * 2 if layer.pads is None else layer.pads
        if layer.bits and layer.max_value == 2.0:
            layer.bits, layer.max_value = self.bits, float(2**self.bits - 1) if self.exact else 2.0
        if self.exact:
            self._make_exact(layer, window)
        self.layer(layer)
        size = _slid((height, width), window, layer.stride, pads)
        return self._made(self.value, (*size, layer.filters))

    def pool(
        self, x: str, name: str, window: tuple[int, int] = (2, 2), stride: int = 2, pads: Sequence[int] = ()
    ) -> str:
        pads = list(pads) or [0] * 4
        height, width, channels = self.shapes[x]
        out = self.add("MaxPool", name, [x], kernel_shape=list(window), strides=[stride] * 2, pads=pads)
        return self._made(out, (*_slid((height, width), window, stride, pads), channels))

    def concat(self, parts: Sequence[str], name: str) -> str:
        height, width, _ = self.shapes[parts[0]]
        out = self.add("Concat", name, parts, axis=1)
        return self._made(out, (height, width, sum(self.shapes[part][2] for part in parts)))

    def split(self, x: str, name: str, sizes: Sequence[int], *, named: bool = True) -> list[str]:
        """Add a split by sizes, or where not ``named`` by the number of parts."""
        inputs, extra = [x], {} if named else {"num_outputs": len(sizes)}
        if named:
            inputs.append(self.integers(f"{name}/sizes", sizes))
        self.add("Split", name, inputs, axis=1, **extra)
        outs = [f"{name}:{index}" for index in range(len(sizes))]
        self.nodes[-1].output[:] = outs
        return [self._made(out, (*self.shapes[x][:2], size)) for out, size in zip(outs, sizes, strict=True)]

    def pad(self, x: str, name: str, rows: Sequence[int], columns: Sequence[int], channels: Sequence[int]) -> str:
        befores, afters = zip((0, 0), channels, rows, columns, strict=True)
        out = self.add("Pad", name, [x, self.integers(f"{name}/widths", [*befores, *afters])])
        height, width, depth = self.shapes[x]
        return self._made(out, (height + sum(rows), width + sum(columns), depth + sum(channels)))

    def deeper(self, x: str, name: str) -> str:
        height, width, channels = self.shapes[x]
        return self._made(self.add("SpaceToDepth", name, [x], blocksize=2), (height // 2, width // 2, 4 * channels))

    def wider(self, x: str, name: str) -> str:
        height, width, channels = self.shapes[x]
        out = self.add("DepthToSpace", name, [x], blocksize=2, mode="DCR")
        return self._made(out, (2 * height, 2 * width, channels // 4))

    def close(self, x: str) -> onnx.ModelProto:
        """Make the value the output and return the model."""
        self.value, self.channels = x, self.shapes[x][2]
        return self.model()

    def integers(self, name: str, values: Sequence[int]) -> str:
        self.weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def _made(self, value: str, shape: Shape) -> str:
        self.shapes[value] = shape
        return value

    def _make_exact(self, layer: Layer, window: tuple[int, int]) -> None:
        rng, fan_in = self.rng, self.channels * window[0] * window[1]
        shape = (layer.filters, self.channels, *window)
        if layer.kernel is None:
            layer.kernel = rng.choice([-0.5, 0.5], shape) if layer.weights else rng.integers(-2, 3, shape)
        # Half a sum is a multiple of 1/2, times 2^-j a multiple of 2^-(j+1): half of that away from any boundary.
        fine = max(0, round(math.log2(math.sqrt(fan_in))))
        signs = rng.choice([-1, 1], layer.filters)
        layer.epsilon = 0.0
        layer.norm = {
            "gamma": signs * 2.0**-fine,
            "beta": rng.integers(0, 3, layer.filters) + 2.0 ** -(fine + 2),
            "mean": rng.integers(-2, 3, layer.filters).astype(np.float32),
            "variance": np.ones(layer.filters),
            **layer.norm,
        }


def _slid(size: Sequence[int], window: Sequence[int], stride: int, pads: Sequence[int]) -> tuple[int, int]:
    rows, columns = ((size[a] + pads[a] + pads[a + 2] - window[a]) // stride + 1 for a in (0, 1))
    return rows, columns


def everything(*, seed: int = 0, bits: int = 2, exact: bool = True, logits: bool = True) -> onnx.ModelProto:
    """Build a network with one of each: a skip connection over a stride, both kinds of split, two pools, a padding."""
    dag = Dag(seed=seed, bits=bits, exact=exact)
    x = dag.conv(dag.image, Layer("conv1", 3, 8, ""))  # 8x8
    strided = dag.conv(x, Layer("conv2", 3, 8, "channel", stride=2, pads=[0, 0, 1, 1]))  # 4x4
    pooled = dag.pool(x, "pool1", (3, 3), 2, [1, 1, 1, 1])
    left, right = dag.split(pooled, "split1", [3, 5])
    even = dag.conv(left, Layer("conv3", window=(2, 3), filters=4, pads=[1, 0, 0, 2]))
    joined = dag.concat([right, strided, even], "concat1")  # 17 channels
    padded = dag.pad(joined, "pad1", (1, 0), (0, 1), (2, 1))  # 5x5, 20 channels
    parts = dag.split(padded, "split2", [7, 7, 6], named=False)
    y = dag.pool(parts[0], "pool2", (2, 2), 1)
    z = dag.pool(parts[2], "pool3", (2, 2), 1)
    skipped = dag.concat([strided, y, z], "concat2")  # 4x4, 21 channels; parts[1] is not used
    x = dag.conv(skipped, Layer("conv4", 1, 16))
    x = dag.wider(x, "d2s1")
    return dag.close(dag.conv(x, Layer("conv5", 3, 5, bits=0 if logits else bits)))


def drawn(seed: int, *, bits: int = 2, exact: bool = True, length: int = 7) -> onnx.ModelProto:
    """Build a random network: every step reads some of the values made before it."""
    rng = np.random.default_rng([seed, 1])
    dag = Dag((8, 8), seed=seed, bits=bits, exact=exact)
    first = dag.deeper(dag.image, "s2d0") if rng.random() < 0.5 else dag.image
    values = [dag.conv(first, Layer("conv0", int(rng.choice([1, 3])), 8, str(rng.choice(["", "tensor"]))))]
    for index in range(1, length):
        kind = str(rng.choice(["conv", "conv", "conv", "pool", "concat", "split", "pad", "deeper", "wider"]))
        values += _STEPS[kind](dag, rng, values, f"{kind}{index}")
    last = Layer("last", filters=5, bits=int(rng.choice([0, bits])), **_window(rng, dag.shapes[values[-1]]))
    return dag.close(dag.conv(values[-1], last))


def _any(rng: np.random.Generator, values: Sequence[str]) -> str:
    return values[int(rng.integers(max(0, len(values) - 3), len(values)))]


def _window(rng: np.random.Generator, shape: Shape) -> dict:
    window = tuple(int(rng.integers(1, min(4, size + 1))) for size in shape[:2])
    pads = [int(n) for n in rng.integers(0, 3, 4)]
    return {"window": window, "stride": int(rng.integers(1, 3)), "pads": pads}


def _conv(dag: Dag, rng: np.random.Generator, values: list[str], name: str) -> list[str]:
    x = _any(rng, values)
    scaling = str(rng.choice(["tensor", "channel"]))
    return [dag.conv(x, Layer(name, filters=int(rng.integers(1, 9)), weights=scaling, **_window(rng, dag.shapes[x])))]


def _pool(dag: Dag, rng: np.random.Generator, values: list[str], name: str) -> list[str]:
    x = _any(rng, values)
    window = tuple(int(rng.integers(1, min(4, size + 1))) for size in dag.shapes[x][:2])
    stride = int(rng.integers(1, 3))
    # A padding below the window's size and no more behind than the image has: each window holds a pixel.
    pads = [int(rng.integers(0, window[axis])) for axis in (0, 1, 0, 1)]
    return [dag.pool(x, name, window, stride, pads)]


def _concat(dag: Dag, rng: np.random.Generator, values: list[str], name: str) -> list[str]:
    x = _any(rng, values)
    fitting = [value for value in dict.fromkeys(values) if dag.shapes[value][:2] == dag.shapes[x][:2]]
    return [dag.concat([str(part) for part in rng.permutation(fitting)[:4]], name)]


def _split(dag: Dag, rng: np.random.Generator, values: list[str], name: str) -> list[str]:
    x = _any(rng, values)
    channels = dag.shapes[x][2]
    if channels < 2:
        return []
    cut = int(rng.integers(1, channels))
    parts = dag.split(x, name, [cut, channels - cut], named=bool(cut != -(-channels // 2) or rng.random() < 0.5))
    return parts if rng.random() < 0.5 else parts[:1]


def _pad(dag: Dag, rng: np.random.Generator, values: list[str], name: str) -> list[str]:
    rows, columns, channels = rng.integers(0, 3, (3, 2)).tolist()
    return [dag.pad(_any(rng, values), name, rows, columns, channels)]


def _deeper(dag: Dag, rng: np.random.Generator, values: list[str], name: str) -> list[str]:
    fitting = [value for value in values if dag.shapes[value][0] % 2 == dag.shapes[value][1] % 2 == 0]
    return [dag.deeper(_any(rng, fitting), name)] if fitting else []


def _wider(dag: Dag, rng: np.random.Generator, values: list[str], name: str) -> list[str]:
    fitting = [value for value in values if dag.shapes[value][2] % 4 == 0 and max(dag.shapes[value][:2]) <= 8]
    return [dag.wider(_any(rng, fitting), name)] if fitting else []


_STEPS = {
    "conv": _conv,
    "pool": _pool,
    "concat": _concat,
    "split": _split,
    "pad": _pad,
    "deeper": _deeper,
    "wider": _wider,
}


def integers(model: onnx.ModelProto, seed: int = 1) -> NDArray[np.float32]:
    """Return a random input [H, W, 3] of small integers, which keep an exact network exact."""
    dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    return np.random.default_rng(seed).integers(-3, 4, dims[1:]).astype(np.float32)
