"""Small random programs for tests, and what they compute."""

from __future__ import annotations

from typing import Any

import numpy as np
from interpreter import interpret
from numpy.typing import NDArray

from dlk.lowering.program import (
    Affine,
    AveragePool,
    ChannelAffine,
    Concat,
    DepthToSpace,
    Dequantize,
    FloatConv,
    FloatThreshold,
    Kind,
    MaxPool,
    Pad,
    Pointwise,
    Preprocess,
    Program,
    QuantConv,
    Softmax,
    SpaceToDepth,
    Split,
    Step,
    Tensor,
    Thresholds,
    Window,
)


class Builder:
    """Strings steps together; each method appends one step to the last tensor."""

    def __init__(self, name: str, shape: tuple[int, int, int], seed: int) -> None:
        self.name = name
        self.rng = np.random.default_rng(seed)
        self.tensors = {"input": Tensor("input", Kind.FLOAT, shape)}
        self.steps: list[Step] = []
        self.last = "input"

    @property
    def tensor(self) -> Tensor:
        return self.tensors[self.last]

    def space_to_depth(self) -> Builder:
        h, w, c = self.tensor.shape
        return self._move(SpaceToDepth, "s2d", (h // 2, w // 2, 4 * c))

    def depth_to_space(self) -> Builder:
        h, w, c = self.tensor.shape
        return self._move(DepthToSpace, "d2s", (2 * h, 2 * w, c // 4))

    def float_conv(
        self,
        kernel: int,
        channels: int,
        bits: int,
        *,
        window: Window | None = None,
        size: tuple[int, int] | None = None,
    ) -> Builder:
        """bits = 0: affine. window and size (of the output): instead of SAME padding."""
        facts = {"window": window} if window else {}
        rows, columns = window.kernel if window else (kernel, kernel)
        weights = self.rng.normal(size=(rows, columns, self.tensor.shape[2], channels)).astype(np.float32)
        weights.flat[:: max(weights.size // 5, 1)] = 0
        epilogue = self._float_thresholds(channels, bits, kernel) if bits else self._affine(channels)
        return self._conv(FloatConv, weights, epilogue, bits, size or self.tensor.shape[:2], **facts)

    def quant_conv(
        self,
        kernel: int,
        channels: int,
        bits: int,
        *,
        correlated: float = 0.0,
        ternary: bool = False,
        stride: int = 1,
        window: Window | None = None,
        size: tuple[int, int] | None = None,
    ) -> Builder:
        """bits = 0: affine. correlated: share of inputs whose sign all outputs have in common.

        window and size (of the output): instead of SAME padding.
        """
        height, width, cin = self.tensor.shape
        if window is None:
            window = Window.same((kernel, kernel), (height, width), stride)
        shape = (*window.kernel, cin, channels)
        weights = self.rng.choice(np.array([-1, 0, 1] if ternary else [-1, 1], np.int8), size=shape)
        common = self.rng.choice(np.array([-1, 1], np.int8), size=(*shape[:3], 1))
        weights = np.where(self.rng.random(shape) < correlated, common, weights).astype(np.int8)
        if ternary:
            weights.flat[0] = 0
        reach = weights[..., 0].size * self.tensor.levels
        epilogue = self._int_thresholds(channels, bits, reach) if bits else self._affine(channels)
        size = size or (-(-height // window.stride), -(-width // window.stride))
        return self._conv(QuantConv, weights, epilogue, bits, size, window=window)

    def max_pool(
        self, kernel: int, stride: int, window: Window | None = None, size: tuple[int, int] | None = None
    ) -> Builder:
        """window: instead of SAME padding; size (of the output): instead of ceil(size / stride)."""
        height, width, channels = self.tensor.shape
        if window is None:
            window = Window.same((kernel, kernel), (height, width), stride)
        size = size or (-(-height // stride), -(-width // stride))
        tensor = Tensor("", self.tensor.kind, (*size, channels), self.tensor.bits, self.tensor.max_value)
        return self._append(MaxPool, tensor, "pool", window=window)

    def average_pool(self, window: Window, size: tuple[int, int], *, padded: bool) -> Builder:
        tensor = Tensor("", Kind.FLOAT, (*size, self.tensor.shape[2]))
        return self._append(AveragePool, tensor, "mean", window=window, padded=padded)

    def affine(self) -> Builder:
        channels = self.tensor.shape[2]
        return self._append(
            ChannelAffine, Tensor("", Kind.FLOAT, self.tensor.shape), "scaled", epilogue=self._affine(channels)
        )

    def threshold(self, bits: int) -> Builder:
        tensor = Tensor("", Kind.CODES, self.tensor.shape, bits, 2.0)
        epilogue = self._float_thresholds(self.tensor.shape[2], bits, 1)
        return self._append(FloatThreshold, tensor, "codes", epilogue=epilogue)

    def softmax(self) -> Builder:
        return self._append(Softmax, Tensor("", Kind.FLOAT, self.tensor.shape), "softmax")

    def pointwise(self, function: str, *others: str, alpha: float = 0.0) -> Builder:
        """Of the last tensor, and of another one."""
        name = self._name("point")
        self.tensors[f"{name}:0"] = Tensor(f"{name}:0", Kind.FLOAT, self.tensor.shape)
        self.steps.append(Pointwise(name, (self.last, *others), f"{name}:0", function, alpha))
        self.last = f"{name}:0"
        return self

    def pad(self, rows: tuple[int, int], columns: tuple[int, int], channels: tuple[int, int]) -> Builder:
        amounts = zip(self.tensor.shape, (rows, columns, channels), strict=True)
        height, width, depth = (n + before + after for n, (before, after) in amounts)
        tensor = Tensor("", self.tensor.kind, (height, width, depth), self.tensor.bits, self.tensor.max_value)
        return self._append(Pad, tensor, "pad", rows=rows, columns=columns, channels=channels)

    def split(self, *channels: int) -> list[str]:
        """Return the names of the parts; the last one is where the next step goes on."""
        name = self._name("split")
        outputs = [f"{name}:{i}" for i in range(len(channels))]
        height, width, _ = self.tensor.shape
        for output, count in zip(outputs, channels, strict=True):
            bits, top = self.tensor.bits, self.tensor.max_value
            self.tensors[output] = Tensor(output, self.tensor.kind, (height, width, count), bits, top)
        self.steps.append(Split(name, self.last, tuple(outputs)))
        self.last = outputs[-1]
        return outputs

    def concat(self, *parts: str) -> Builder:
        """Join these tensors and then the last one."""
        name, inputs = self._name("concat"), (*parts, self.last)
        height, width, _ = self.tensor.shape
        channels = sum(self.tensors[part].shape[2] for part in inputs)
        shape = (height, width, channels)
        kind, bits = self.tensor.kind, self.tensor.bits
        self.tensors[f"{name}:0"] = Tensor(f"{name}:0", kind, shape, bits, self.tensor.max_value)
        self.steps.append(Concat(name, inputs, f"{name}:0"))
        self.last = f"{name}:0"
        return self

    def go_on_from(self, tensor: str) -> Builder:
        """Let the next step read this tensor."""
        self.last = tensor
        return self

    def dequantize(self) -> Builder:
        tensor = self.tensor
        table = (np.arange(tensor.levels + 1) * 2.0 / tensor.levels).astype(np.float32)
        return self._append(Dequantize, Tensor("", Kind.FLOAT, tensor.shape), "dequantize", table=table)

    def program(self, preprocess: str = "PerImageStandardization") -> Program:
        classes = tuple(f"class {i}" for i in range(self.tensor.shape[2]))
        return Program(
            self.name, "input", self.last, dict(self.tensors), tuple(self.steps), classes, Preprocess(preprocess)
        )

    def _move(self, kind: type[Step], prefix: str, shape: tuple[int, int, int]) -> Builder:
        tensor = self.tensor
        return self._append(kind, Tensor("", tensor.kind, shape, tensor.bits, tensor.max_value), prefix)

    def _conv(
        self,
        kind: type[Step],
        weights: NDArray[Any],
        epilogue: Thresholds | Affine,
        bits: int,
        size: tuple[int, ...],
        **facts: object,
    ) -> Builder:
        shape = (size[0], size[1], weights.shape[3])
        out = Tensor("", Kind.CODES, shape, bits, 2.0) if bits else Tensor("", Kind.FLOAT, shape)
        return self._append(kind, out, "conv", weights=weights, epilogue=epilogue, **facts)

    def _append(self, kind: type[Any], tensor: Tensor, prefix: str, **facts: object) -> Builder:
        name = self._name(prefix)
        output = f"{name}:0"
        self.tensors[output] = Tensor(output, tensor.kind, tensor.shape, tensor.bits, tensor.max_value)
        self.steps.append(kind(name=name, input=self.last, output=output, **facts))
        self.last = output
        return self

    def _name(self, prefix: str) -> str:
        return f"{prefix}{sum(step.name.startswith(prefix) for step in self.steps) + 1}"

    def _affine(self, channels: int) -> Affine:
        scale = self.rng.normal(size=channels).astype(np.float32)
        bias = self.rng.normal(size=channels).astype(np.float32)
        scale[0], bias[-1] = 0, -0.0
        return Affine(scale, bias)

    def _directions(self, channels: int) -> NDArray[np.int8]:
        return self.rng.choice(np.array([-1, 1], np.int8), size=channels)

    def _int_thresholds(self, channels: int, bits: int, reach: int) -> Thresholds:
        levels = (1 << bits) - 1
        spread = max(int(1.5 * np.sqrt(reach)), 1)
        values = np.sort(self.rng.integers(-spread, spread + 1, size=(channels, levels)), axis=1)
        directions = self._directions(channels)
        for channel in range(0, channels if channels > 1 else 0, 3):  # one past the range: always, never
            values[channel, -1] = reach + 1
            if channel % 2:
                values[channel, 0] = -reach
        if channels > 1:
            values[-1] = np.where(self.rng.random() < 0.5, -reach, reach + 1)
        return Thresholds(np.ascontiguousarray(values * directions[:, None]).astype(np.int32), directions)

    def _float_thresholds(self, channels: int, bits: int, kernel: int) -> Thresholds:
        levels = (1 << bits) - 1
        values = np.sort(self.rng.normal(scale=2.0 * kernel, size=(channels, levels)), axis=1)
        values[::3, -1] = np.inf
        values[-1] = -np.inf
        directions = self._directions(channels)
        return Thresholds((values * directions[:, None]).astype(np.float32), directions)


def evaluate(program: Program, image: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """Return every tensor by its step's name, and "output". image: float32 [H, W, C]; codes are uint8."""
    values = interpret(program, image)
    results = {step.name: values[step.output] for step in program.steps if not isinstance(step, Split)}
    return results | {"output": values[program.output]}


def codes(program: Program, results: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.uint8]]:
    """Return the results that are codes, by the name of the step; parts of other tensors are no step's own."""
    own = [step for step in program.steps if not isinstance(step, Concat | Split)]
    return {s.name: results[s.name] for s in own if program.tensors[s.output].kind is Kind.CODES}
