"""What the converter takes: each rule finds the parts of a graph that break it, and all are told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from dlk.frontends.rules import ACTIVATION_QUANTIZER, EXACT_SUM, EXPORTED_OPS, MAX_BITS, WEIGHT_QUANTIZERS, Rule
from dlk.ir.codes import EXPORTED_COMMUTING, CodeType, node_code_type, roots
from dlk.ir.edit import array, attributes_of, is_op, nodes, only_consumer
from dlk.ir.ops import OPS, attribute_faults, identifier, static_shape
from dlk.ir.shapes import touches

_TO_NCHW, _TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]
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
            problems.append(Problem(where, f"{name} is not supported", Rule.OPS))
        elif not OPS[name].takes(len(node.inputs)):
            operands = ", ".join(operand.name for operand in OPS[name].operands)
            problems.append(Problem(where, f"{len(node.inputs)} inputs", f"{name} takes {operands} (no bias)"))
        elif any(value is None for value in node.inputs):
            problems.append(Problem(where, "an input is left out", Rule.INPUTS))
        else:
            problems.extend(Problem(where, fault, Rule.ATTRIBUTES) for fault in attribute_faults(node))
    return problems


def layer_problems(model: ir.Model) -> list[Problem]:
    """Return what stands in the way of converting a typed graph, in the order of its layers."""
    return [problem for rule in _RULES for problem in rule(model)]


def _quantizers(value: ir.Value) -> list[ir.Node | None]:
    """Return the activation quantizers that made a value, through all that moves or joins; None for other makers."""
    return [root.producer() if is_op(root, ACTIVATION_QUANTIZER) else None for root in roots(value)]


def _float_layers(model: ir.Model) -> Iterator[Problem]:
    for conv in nodes(model, "Conv"):
        binary = any(is_op(conv.inputs[1], name) for name in WEIGHT_QUANTIZERS)
        reasons = []
        if not _reads_image(conv) and None in _quantizers(conv.inputs[0]):
            reasons.append("reads float activations")
        if not _reads_image(conv) and not binary:
            reasons.append("has float weights")
        if reasons:
            yield Problem(str(conv.name), f"a float layer ({' and '.join(reasons)})", Rule.LAYERS, _TRAIN)
    if not nodes(model, "Conv"):
        yield Problem("the graph", "it has no convolution", Rule.NOT_EMPTY)


def _reads_image(conv: ir.Node) -> bool:
    return all(root.is_graph_input() for root in roots(conv.inputs[0]))


def _activations(model: ir.Model) -> Iterator[Problem]:
    for node in nodes(model, "Relu"):
        yield Problem(str(node.name), "a float activation", Rule.ACTIVATIONS, _TRAIN)
    for node in nodes(model, ACTIVATION_QUANTIZER):
        bits, top = node.attributes["bits"].as_int(), node.attributes["max_value"].as_float()
        if not 1 <= bits <= MAX_BITS:
            yield Problem(str(node.name), f"bits {bits}", Rule.BITS)
        if not np.finfo(np.float32).tiny <= top < np.inf:
            yield Problem(str(node.name), f"max_value {top}", Rule.MAX_VALUE)
        if not is_op(node.inputs[0], "BatchNormalization"):
            yield Problem(str(node.name), "does not follow a normalisation", Rule.ORDER)


def _convolutions(model: ir.Model) -> Iterator[Problem]:
    for conv in nodes(model, "Conv"):
        where = str(conv.name)
        _, inputs, *window = static_shape(conv.inputs[1])
        follower = only_consumer(conv.outputs[0])
        if follower is None or identifier(follower) != "BatchNormalization":
            yield Problem(where, "is not followed by its own normalisation", Rule.ORDER)
        for quantizer in filter(None, _quantizers(conv.inputs[0])):
            n = (1 << quantizer.attributes["bits"].as_int()) - 1
            if n * inputs * window[0] * window[1] >= EXACT_SUM:
                yield Problem(where, "sums may reach 2^24", Rule.SUMS)
                break
    for norm in nodes(model, "BatchNormalization"):
        where = str(norm.name)
        if not is_op(norm.inputs[0], "Conv"):
            yield Problem(where, "does not follow a convolution", Rule.ORDER)
        readers = {identifier(reader) for reader in norm.outputs[0].consumers()}
        if ACTIVATION_QUANTIZER in readers and only_consumer(norm.outputs[0]) is None:
            yield Problem(where, "is read by its quantizer and by others", Rule.ORDER)


def _windows(model: ir.Model) -> Iterator[Problem]:
    for node in nodes(model, "Conv", "MaxPool"):
        where = str(node.name)
        facts = {"strides": (1, 1), "pads": (0, 0, 0, 0), **attributes_of(node)}
        window, strides, pads = (list(facts[key]) for key in ("kernel_shape", "strides", "pads"))
        if strides not in ([1, 1], [2, 2]):
            yield Problem(where, f"strides {strides}", Rule.STRIDES)
        if node.op_type == "MaxPool":
            small = all(width < window[index % 2] for index, width in enumerate(pads))
            if not small or not touches(static_shape(node.inputs[0])[2:], window, strides, pads):
                yield Problem(where, f"pads {pads}", Rule.POOLS)
        elif _reads_image(node):
            same = [window[0] // 2, window[1] // 2] * 2
            if window[0] != window[1] or window[0] % 2 == 0:
                yield Problem(where, f"the window {window}", Rule.FIRST_WINDOW)
            elif pads != same:
                yield Problem(where, f"pads {pads}", f"{Rule.FIRST_PADDING}, here {same}")
            if strides == [2, 2]:
                yield Problem(where, f"strides {strides}", Rule.FIRST_STRIDE)


def _joins(model: ir.Model) -> Iterator[Problem]:
    for node in nodes(model, "MaxPool", "Concat", "Split", "Pad"):
        where = str(node.name)
        floats: list[str] = []
        kinds: dict[CodeType, str] = {}
        for value in node.inputs[EXPORTED_COMMUTING[identifier(node)]]:
            for root, quantizer in zip(roots(value), _quantizers(value), strict=True):
                if quantizer is None:
                    floats.append(str(root.name))
                else:
                    kinds.setdefault(node_code_type(quantizer), str(quantizer.name))
        if floats:
            reads = f"{node.op_type} reads floats ({', '.join(dict.fromkeys(floats))})"
            yield Problem(where, reads, Rule.JOINED_CODES, _TRAIN)
        if len(kinds) > 1:
            told = ", ".join(f"{name} (bits {kind.bits}, max_value {kind.max_value})" for kind, name in kinds.items())
            fix = "give the layers that are joined the same activation quantizer"
            yield Problem(where, f"joins codes of different meaning: {told}", Rule.JOINED_VALUES, fix)


def _axes(model: ir.Model) -> Iterator[Problem]:
    for node in nodes(model, "Concat", "Split"):
        axis = node.attributes["axis"].as_int()
        if axis not in (1, -3):
            yield Problem(str(node.name), f"axis {axis}", Rule.AXIS)
    for node in nodes(model, "Pad"):
        if len(node.inputs) == 3 and array(node.inputs[2]).item() != 0:
            yield Problem(str(node.name), f"pads with {array(node.inputs[2]).item()}", Rule.PADDING)


def _layouts(model: ir.Model) -> Iterator[Problem]:
    """Transposes stand at the two ends; all between them is NCHW."""
    for node in model.graph:
        perm = list(node.attributes["perm"].value) if node.op_type == "Transpose" else None
        of_image = [value for value in node.inputs if value is not None and value.is_graph_input()]
        to_output = any(value.is_graph_output() for value in node.outputs)
        if bool(of_image) != (perm == _TO_NCHW) or to_output != (perm == _TO_NHWC) or (perm and of_image and to_output):
            reason = f"a transpose by {perm}" if perm else "reads the image or makes the output without a transpose"
            yield Problem(str(node.name), reason, Rule.TRANSPOSES)
        elif to_output and node.outputs[0].uses():
            yield Problem(str(node.name), "the output is read by other nodes", Rule.TRANSPOSES)


def _constants(model: ir.Model) -> Iterator[Problem]:
    for value in model.graph.initializers.values():
        if not np.all(np.isfinite(array(value))):
            yield Problem(str(value.name), "holds a number that is not finite", Rule.FINITE, "train again")
    for node in nodes(model, "BatchNormalization"):
        spread = array(node.inputs[4]).astype(np.float64) + node.attributes["epsilon"].as_float()
        if not np.all(spread > 0):
            yield Problem(str(node.name), "variance + epsilon is not positive", Rule.VARIANCE, "train again")


_RULES: tuple[Callable[[ir.Model], Iterator[Problem]], ...] = (
    _layouts,
    _float_layers,
    _activations,
    _convolutions,
    _windows,
    _joins,
    _axes,
    _constants,
)
