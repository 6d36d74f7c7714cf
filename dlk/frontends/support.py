"""What the converter takes: each rule finds the parts of a graph that break it, and all are told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from dlk.ir.edit import array, is_op, nodes, only_consumer
from dlk.ir.ops import EXPORT_DOMAIN, OPS, attribute_faults, identifier

WEIGHT_QUANTIZERS = (
    f"{EXPORT_DOMAIN}.BinaryMeanScalingQuantizer",
    f"{EXPORT_DOMAIN}.BinaryChannelWiseMeanScalingQuantizer",
)
ACTIVATION_QUANTIZER = f"{EXPORT_DOMAIN}.LinearMidTreadHalfQuantizer"
EXPORTED_OPS = frozenset(
    {
        "Transpose",
        "Conv",
        "BatchNormalization",
        "Relu",
        "SpaceToDepth",
        "DepthToSpace",
        *WEIGHT_QUANTIZERS,
        ACTIVATION_QUANTIZER,
    }
)
MAX_BITS = 4
EXACT_SUM = 1 << 24  # sums below it are exact in float32, which the tail and the oracles rely on
_MOVES = ("Transpose", "SpaceToDepth", "DepthToSpace")
_QUANTIZED = "every layer but the first reads quantized activations through 1-bit weights"
_TRAIN = "train a quantized network, such as LmSegnetV1Quantize"


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of the network that cannot be converted: its name, the reason, the rule that it breaks, the way out."""

    where: str
    reason: str
    rule: str
    fix: str = "change the network, or export the checkpoint again"


def node_problems(model: ir.Model) -> list[Problem]:
    """Return the nodes whose kind or operands the converter does not know; shapes are not needed."""
    problems = []
    for node in model.graph:
        name = identifier(node)
        where = str(node.name)
        if name not in EXPORTED_OPS:
            rule = f"the ops are {', '.join(sorted(EXPORTED_OPS))}"
            problems.append(Problem(where, f"{name} is not supported", rule))
        elif len(node.inputs) != len(OPS[name].operands):
            expected = len(OPS[name].operands)
            problems.append(Problem(where, f"{len(node.inputs)} inputs", f"{name} has {expected} inputs (no bias)"))
        elif any(value is None for value in node.inputs):
            problems.append(Problem(where, "an input is left out", f"{name} has all its inputs"))
        else:
            rule = "convolutions have stride 1, no dilation, one group; attributes as the export writes them"
            problems.extend(Problem(where, fault, rule) for fault in attribute_faults(node))
    return problems


def layer_problems(model: ir.Model) -> list[Problem]:
    """Return what stands in the way of converting a typed graph, in the order of its layers."""
    return [problem for rule in _RULES for problem in rule(model)]


def source(value: ir.Value) -> ir.Value:
    """Follow a value back through transposes and moves between space and depth."""
    node = value.producer()
    while node is not None and identifier(node) in _MOVES:
        value = node.inputs[0]
        node = value.producer()
    return value


def _float_layers(model: ir.Model) -> Iterator[Problem]:
    for conv in nodes(model, "Conv"):
        data, kernel = source(conv.inputs[0]), conv.inputs[1]
        binary = any(is_op(kernel, name) for name in WEIGHT_QUANTIZERS)
        first = data.is_graph_input()
        quantized = is_op(data, ACTIVATION_QUANTIZER)
        reasons = []
        if not first and not quantized:
            reasons.append("reads float activations")
        if not first and not binary:
            reasons.append("has float weights")
        if reasons:
            yield Problem(str(conv.name), f"a float layer ({' and '.join(reasons)})", _QUANTIZED, _TRAIN)
    if not nodes(model, "Conv"):
        yield Problem("the graph", "it has no convolution", "a network has layers")


def _activations(model: ir.Model) -> Iterator[Problem]:
    for node in nodes(model, "Relu"):
        yield Problem(str(node.name), "a float activation", "activations are quantized", _TRAIN)
    for node in nodes(model, ACTIVATION_QUANTIZER):
        bits, top = node.attributes["bits"].as_int(), node.attributes["max_value"].as_float()
        if not 1 <= bits <= MAX_BITS:
            yield Problem(str(node.name), f"bits {bits}", f"1 to {MAX_BITS} bits")
        if not np.finfo(np.float32).tiny <= top < np.inf:
            yield Problem(str(node.name), f"max_value {top}", "max_value is positive and finite")
        if not is_op(node.inputs[0], "BatchNormalization"):
            yield Problem(str(node.name), "does not follow a normalisation", "conv, normalisation, quantizer")


def _convolutions(model: ir.Model) -> Iterator[Problem]:
    for conv in nodes(model, "Conv"):
        where = str(conv.name)
        kernel = conv.inputs[1]
        _, inputs, *window = (int(size) for size in kernel.shape)
        expected = [window[0] // 2, window[1] // 2] * 2
        if list(conv.attributes["pads"].value) != expected:
            received = list(conv.attributes["pads"].value)
            yield Problem(where, f"pads {received}", f"SAME padding, here {expected}")
        follower = only_consumer(conv.outputs[0])
        if follower is None or identifier(follower) != "BatchNormalization":
            yield Problem(where, "is not followed by its own normalisation", "conv, normalisation, quantizer")
        data = source(conv.inputs[0])
        if is_op(data, ACTIVATION_QUANTIZER):
            n = (1 << data.producer().attributes["bits"].as_int()) - 1
            if n * inputs * window[0] * window[1] >= EXACT_SUM:
                yield Problem(where, "sums may reach 2^24", "n * window * channels is below 2^24")


def _constants(model: ir.Model) -> Iterator[Problem]:
    for value in model.graph.initializers.values():
        if not np.all(np.isfinite(array(value))):
            yield Problem(str(value.name), "holds a number that is not finite", "weights are finite", "train again")
    for node in nodes(model, "BatchNormalization"):
        spread = array(node.inputs[4]).astype(np.float64) + node.attributes["epsilon"].as_float()
        if not np.all(spread > 0):
            yield Problem(str(node.name), "variance + epsilon is not positive", "a variance is positive", "train again")


_RULES: tuple[Callable[[ir.Model], Iterator[Problem]], ...] = (_float_layers, _activations, _convolutions, _constants)
