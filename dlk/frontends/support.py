"""What the converter takes: each rule finds the parts of a graph that break it, and all are told at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
import onnx_ir as ir

from dlk.errors import DlkError
from dlk.frontends.rules import (
    ACTIVATION_QUANTIZER,
    EXACT_SUM,
    EXPORTED_OPS,
    FLOAT_OPS,
    KERNEL,
    MAX_BITS,
    WEIGHT_QUANTIZERS,
    Rule,
)
from dlk.ir.codes import EXPORTED_COMMUTING, CodeType, node_code_type, roots
from dlk.ir.edit import array, attributes_of, is_op, layer, nodes, only_consumer
from dlk.ir.ops import OPS, attribute_faults, identifier, static_shape
from dlk.ir.shapes import touches

_TO_NCHW, _TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]
_ALLOW = "--allow-float takes it as it is; nothing is gained over other engines there"
_TRAIN = "train a quantized network, such as LmSegnetV1Quantize"


class Floats(Enum):
    """Which layers may run in float."""

    ENDS = "the first layer, and what the last one gives"
    FEW = "fewer than do half of the multiply-adds behind the first layer"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of the network that cannot be converted: its name, the reason, the rule that it breaks, the way out."""

    where: str
    reason: str
    rule: str
    fix: str = "change the network, or export the checkpoint again"


def refuse(where: str, problems: list[Problem]) -> None:
    """Raise one ``DlkError`` with all problems, the rules that they break and the ways out, where there are any."""
    if not problems:
        return
    fixes = list(dict.fromkeys(problem.fix for problem in problems))
    rules = list(dict.fromkeys(problem.rule for problem in problems))
    raise DlkError(
        f"the network cannot be converted, {len(problems)} part{'s' * (len(problems) > 1)} of it in the way:\n"
        + "\n".join(f"    {problem.where}: {problem.reason}" for problem in problems),
        where=where,
        expected="; ".join(rules),
        fix="; ".join(fixes),
    )


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
            problems.append(Problem(where, "an input is left out", f"{name} has all its inputs"))
        else:
            problems.extend(Problem(where, fault, Rule.ATTRIBUTES) for fault in attribute_faults(node))
    return problems


def layer_problems(model: ir.Model, floats: Floats = Floats.ENDS) -> list[Problem]:
    """Return what stands in the way of converting a typed graph, in the order of its layers."""
    return [problem for rule in (*_FLOATS[floats], *_RULES) for problem in rule(model)]


def float_reasons(model: ir.Model) -> dict[str, tuple[str, ...]]:
    """Return why convolutions compute in float, for those that do, by the name of the layer, in order."""
    found = {layer(conv): tuple(_float_reasons(conv)) for conv in nodes(model, "Conv")}
    return {name: reasons for name, reasons in found.items() if reasons}


def _quantizers(value: ir.Value) -> list[ir.Node | None]:
    """Return the activation quantizers that made a value, through all that moves or joins; None for other makers."""
    return [root.producer() if is_op(root, ACTIVATION_QUANTIZER) else None for root in roots(value)]


def _float_reasons(conv: ir.Node) -> list[str]:
    """Return why a convolution computes in float, nothing where it computes with codes and signs."""
    binary = any(is_op(conv.inputs[1], name) for name in (*WEIGHT_QUANTIZERS, KERNEL))
    reasons = ["reads float activations"] if None in _quantizers(conv.inputs[0]) else []
    return [*reasons, "has float weights"] if not binary else reasons


def _float_layers(model: ir.Model) -> Iterator[Problem]:
    for conv in nodes(model, "Conv"):
        reasons = [] if _reads_image(conv) else _float_reasons(conv)
        if reasons:
            yield Problem(str(conv.name), f"a float layer ({' and '.join(reasons)})", Rule.LAYERS, _TRAIN)
    for node in nodes(model, "BatchNormalization"):
        if not is_op(node.inputs[0], "Conv"):
            yield Problem(str(node.name), "does not follow a convolution", Rule.ORDER)
    for node in nodes(model, *FLOAT_OPS):
        yield Problem(str(node.name), "a float activation", Rule.ACTIVATIONS, _TRAIN)


def _first_window(model: ir.Model) -> Iterator[Problem]:
    for node in filter(_reads_image, nodes(model, "Conv")):
        where = str(node.name)
        window, strides, pads = _window(node)
        same = [window[0] // 2, window[1] // 2] * 2
        if window[0] != window[1] or window[0] % 2 == 0:
            yield Problem(where, f"the window {window}", Rule.FIRST_WINDOW)
        elif pads != same:
            yield Problem(where, f"pads {pads}", f"{Rule.FIRST_PADDING}, here {same}")
        if strides == [2, 2]:
            yield Problem(where, f"strides {strides}", Rule.FIRST_STRIDE)


def _float_joins(model: ir.Model) -> Iterator[Problem]:
    for node in nodes(model, "MaxPool", "Concat", "Split", "Pad"):
        values = node.inputs[EXPORTED_COMMUTING[identifier(node)]]
        floats = [root for value in values for root in roots(value) if not is_op(root, ACTIVATION_QUANTIZER)]
        if floats:
            names = ", ".join(dict.fromkeys(str(root.name) for root in floats))
            yield Problem(str(node.name), f"{node.op_type} reads floats ({names})", Rule.JOINED_CODES, _TRAIN)


def _mostly_float(model: ir.Model) -> Iterator[Problem]:
    """Refuse a graph of which most multiply-adds behind the first layer are of floats, naming those layers."""
    behind = [conv for conv in nodes(model, "Conv") if not _reads_image(conv)]
    work = {
        conv: math.prod(static_shape(conv.outputs[0])[2:]) * math.prod(static_shape(conv.inputs[1])) for conv in behind
    }
    floats = {conv: reasons for conv in behind if (reasons := _float_reasons(conv))}
    if 2 * sum(work[conv] for conv in floats) > sum(work.values()) or not behind:
        for conv, reasons in floats.items():
            yield Problem(str(conv.name), f"a float layer ({' and '.join(reasons)})", Rule.FEW_FLOATS, _ALLOW)
        if not behind:
            yield Problem("the graph", "it has no layer that is quantized", Rule.FEW_FLOATS, _ALLOW)


def _layers(model: ir.Model) -> Iterator[Problem]:
    if not nodes(model, "Conv"):
        yield Problem("the graph", "it has no convolution", Rule.NOT_EMPTY)


def _names(model: ir.Model) -> Iterator[Problem]:
    found: dict[tuple[str, str], ir.Node] = {}
    for node in model.graph:
        name = layer(node)
        does = "quantizes weights" if identifier(node) in WEIGHT_QUANTIZERS else identifier(node)
        first = found.setdefault((name, does), node)
        if first is not node:
            yield Problem(str(node.name), f"the layer {name} has {first.name} already", Rule.NAMES, "rename the layer")


def _reads_image(conv: ir.Node) -> bool:
    return all(root.is_graph_input() for root in roots(conv.inputs[0]))


def _activations(model: ir.Model) -> Iterator[Problem]:
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
            # A width that is none, which _activations tells, would be no shift, or one that fills the memory.
            n = (1 << min(max(quantizer.attributes["bits"].as_int(), 1), MAX_BITS)) - 1
            if n * inputs * window[0] * window[1] >= EXACT_SUM:
                yield Problem(where, "sums may reach 2^24", Rule.SUMS)
                break
    for norm in nodes(model, "BatchNormalization"):
        where = str(norm.name)
        readers = {identifier(reader) for reader in norm.outputs[0].consumers()}
        if ACTIVATION_QUANTIZER in readers and only_consumer(norm.outputs[0]) is None:
            yield Problem(where, "is read by its quantizer and by others", Rule.ORDER)


def _window(node: ir.Node) -> tuple[list[int], list[int], list[int]]:
    """Return kernel_shape, strides and pads."""
    facts = {"strides": (1, 1), "pads": (0, 0, 0, 0), **attributes_of(node)}
    return list(facts["kernel_shape"]), list(facts["strides"]), list(facts["pads"])


def _windows(model: ir.Model) -> Iterator[Problem]:
    for node in nodes(model, "Conv", "MaxPool", "AveragePool"):
        where = str(node.name)
        window, strides, pads = _window(node)
        if strides not in ([1, 1], [2, 2]):
            yield Problem(where, f"strides {strides}", Rule.STRIDES)
        if node.op_type != "Conv":
            small = all(width < window[index % 2] for index, width in enumerate(pads))
            if not small or not touches(static_shape(node.inputs[0])[2:], window, strides, pads):
                yield Problem(where, f"pads {pads}", Rule.POOLS)


def _joins(model: ir.Model) -> Iterator[Problem]:
    for node in nodes(model, "MaxPool", "Concat", "Split", "Pad"):
        kinds: dict[CodeType, str] = {}
        for value in node.inputs[EXPORTED_COMMUTING[identifier(node)]]:
            for quantizer in filter(None, _quantizers(value)):
                kinds.setdefault(node_code_type(quantizer), str(quantizer.name))
        if len(kinds) > 1:
            told = ", ".join(f"{name} (bits {kind.bits}, max_value {kind.max_value})" for kind, name in kinds.items())
            fix = "give the layers that are joined the same activation quantizer"
            yield Problem(str(node.name), f"joins codes of different meaning: {told}", Rule.JOINED_VALUES, fix)


def _axes(model: ir.Model) -> Iterator[Problem]:
    for node in nodes(model, "Concat", "Split", "Softmax"):
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
    _layers,
    _names,
    _layouts,
    _activations,
    _convolutions,
    _windows,
    _joins,
    _axes,
    _constants,
)
_FLOATS: dict[Floats, tuple[Callable[[ir.Model], Iterator[Problem]], ...]] = {
    Floats.ENDS: (_float_layers, _first_window, _float_joins),
    Floats.FEW: (_mostly_float,),
    Floats.ANY: (),
}
