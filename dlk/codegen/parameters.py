"""From a program's steps to the numbers and template arguments of the runtime's structs (runtime/src/model.h)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dlk.lowering.class_lists import TreeShape, choose_tree, pack_signs
from dlk.lowering.program import (
    Affine,
    Dequantize,
    FloatConv,
    Kind,
    Program,
    QuantConv,
    SpaceToDepth,
    Tensor,
    Thresholds,
)

_GUARD_WORDS = 8  # guards and planes are whole lines of 64 bytes
_OUTPUT_BLOCK = 4  # kOutputBlock of kernels/float_conv.h


@dataclass(frozen=True, slots=True)
class TensorParameters:
    """A tensor in memory: see dlk_tensor in runtime/src/model.h. ``stride`` is in bits, the others in words."""

    name: str
    height: int
    width: int
    channels: int
    bits: int
    stride: int
    guard: int
    plane_words: int


@dataclass(frozen=True, slots=True)
class StepParameters:
    """A step: the function that runs it, as C++ text, and its constants; what it lacks is None."""

    name: str
    index: int
    input: int
    output: int
    function: str = ""
    kernel: int = 0
    scratch_bytes: int = 0
    float_weights: NDArray[np.float32] | None = None
    sign_words: NDArray[np.uint64] | None = None
    tree: TreeShape | None = None
    int_thresholds: NDArray[np.int32] | None = None
    float_thresholds: NDArray[np.float32] | None = None
    directions: NDArray[np.int8] | None = None
    scale: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None
    table: NDArray[np.float32] | None = None


def tensor_parameters(program: Program) -> list[TensorParameters]:
    """Lay out every tensor; rows of bit-planes are padded for the widest quantized kernel of the program."""
    reach = max((step.weights.shape[0] // 2 for step in program.steps if isinstance(step, QuantConv)), default=0)
    return [_tensor(tensor, reach) for tensor in program.tensors.values()]


def _tensor(tensor: Tensor, reach: int) -> TensorParameters:
    height, width, channels = tensor.shape
    if tensor.kind is Kind.FLOAT:
        return TensorParameters(tensor.name, height, width, channels, 0, 0, 0, 0)
    stride = _round_up(width + reach, 8)
    # A tap reads `reach` rows and columns beyond the tile, and one word more; tiles are up to 8 words.
    guard = _round_up(-(-reach * (stride + 1) // 64) + 1, _GUARD_WORDS)
    words = _round_up(-(-height * stride // 64), _GUARD_WORDS)
    return TensorParameters(tensor.name, height, width, channels, tensor.bits, stride, guard, words + 2 * guard)


def step_parameters(program: Program, lanes: int) -> list[StepParameters]:
    """Return the steps' parameters; scratch is sized for vectors of up to ``lanes`` 64-bit words."""
    numbers = {name: index for index, name in enumerate(program.tensors)}
    steps = []
    for index, step in enumerate(program.steps):
        source, result = program.tensors[step.input], program.tensors[step.output]
        plain = StepParameters(step.name, index, numbers[step.input], numbers[step.output])
        if isinstance(step, QuantConv):
            steps.append(_quant_conv(plain, step, source, result, lanes))
        elif isinstance(step, FloatConv):
            steps.append(_float_conv(plain, step, result, lanes))
        elif isinstance(step, Dequantize):
            scratch = source.shape[2] * _row_bytes(lanes)
            function = f"dequantize<{source.bits}>"
            steps.append(replace(plain, function=function, table=step.table, scratch_bytes=scratch))
        else:
            move = "space_to_depth" if isinstance(step, SpaceToDepth) else "depth_to_space"
            kind = "floats" if source.kind is Kind.FLOAT else "codes"
            steps.append(replace(plain, function=f"{move}_{kind}"))
    return steps


def _quant_conv(plain: StepParameters, step: QuantConv, source: Tensor, result: Tensor, lanes: int) -> StepParameters:
    tree = choose_tree(step.weights, source.bits, result.levels)
    kernel, _, cin, cout = step.weights.shape
    cpp_tree = f"ClassTree<{source.bits}, {', '.join(map(str, tree.widths))}>"
    taps_bytes = (2 * kernel * kernel * cin + 1) * source.bits * lanes * 8
    conv = replace(plain, kernel=kernel, tree=tree, sign_words=pack_signs(step.weights))
    if isinstance(step.epilogue, Affine):
        function = f"quant_conv_floats<{cpp_tree}>"
        scratch = taps_bytes + cout * _row_bytes(lanes)
        affine = step.epilogue
        return replace(conv, function=function, scratch_bytes=scratch, scale=affine.scale, bias=affine.bias)
    return replace(
        conv,
        function=f"quant_conv_codes<{cpp_tree}, {result.bits}>",
        scratch_bytes=taps_bytes,
        int_thresholds=step.epilogue.values.astype(np.int32),
        directions=step.epilogue.directions,
    )


def _float_conv(plain: StepParameters, step: FloatConv, result: Tensor, lanes: int) -> StepParameters:
    kernel, _, cin, cout = step.weights.shape
    weights = np.zeros((kernel, kernel, cin, _round_up(cout, _OUTPUT_BLOCK)), np.float32)
    weights[..., :cout] = step.weights
    rows = kernel * kernel * cin + _OUTPUT_BLOCK
    conv = replace(plain, kernel=kernel, float_weights=weights)
    if isinstance(step.epilogue, Affine):
        scratch = (rows + cout) * _row_bytes(lanes)
        affine = step.epilogue
        function = "float_conv_floats"
        return replace(conv, function=function, scratch_bytes=scratch, scale=affine.scale, bias=affine.bias)
    return replace(
        conv,
        function=f"float_conv_codes<{result.bits}>",
        scratch_bytes=rows * _row_bytes(lanes),
        float_thresholds=_ascending(step.epilogue),
        directions=step.epilogue.directions,
    )


def _ascending(epilogue: Thresholds) -> NDArray[np.float32]:
    """Return thresholds for comparisons >= only: acc <= t is -acc >= -t, and descending t negated ascend."""
    return (epilogue.values * epilogue.directions[:, None]).astype(np.float32)


def _row_bytes(lanes: int) -> int:
    """Return the bytes of one channel's floats of a tile: row_floats of kernels/tail.h."""
    return (32 * 2 * lanes + 16) * 4


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
