"""Turn a graph that holds nothing but final ops into a Program: plain steps over named tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import onnx_ir as ir

from dlk.errors import DlkError, InternalError
from dlk.ir.codes import code_type
from dlk.ir.edit import array
from dlk.ir.ops import CODES, ELEMENTWISE, identifier, static_shape
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

PREPROCESSORS = ("DivideBy255", "PerImageStandardization")
_RESIZE = "Resize"
_ONE_CHANNEL_A_CLASS = (None, "IMAGE.SEMANTIC_SEGMENTATION", "IMAGE.CLASSIFICATION")
_RECORDED = ("experiment", "checkpoint", "network")
Names = tuple[str, ...]


def lower(model: ir.Model, meta: Mapping[str, Any]) -> Program:
    """Return the Program of a graph after all passes.

    meta: the export's meta.yaml. Steps and their tensors bear the layer's name (``conv1``, ``s2d1``), the parts of a
    split its name and their number (``split1:0``); the input keeps its name and the last tensor is the graph's output.
    Raises ``DlkError`` where graph and meta disagree, and for a layer that the runtime has no code for.
    """
    classes, preprocess = _classes(meta), _preprocess(meta)
    graph = model.graph
    source, result = graph.inputs[0], graph.outputs[0]
    names: dict[ir.Value, str] = {source: str(source.name)}
    tensors = {str(source.name): _tensor(str(source.name), source)}
    steps: list[Step] = []
    for node in graph:
        if identifier(node) not in _STEPS:
            raise InternalError(f"{identifier(node)} is no final op", where=str(node.name))
        name = _step_name(node)
        for index, value in enumerate(node.outputs):
            part = name if len(node.outputs) == 1 else f"{name}:{index}"
            names[value] = str(value.name) if value is result else part
            if names[value] in tensors:
                raise InternalError("two tensors of the same name", where=names[value])
            tensors[names[value]] = _tensor(names[value], value)
        reads = tuple(names[value] for value in node.inputs if value in names)
        steps.append(_STEPS[identifier(node)](node, name, reads, tuple(names[value] for value in node.outputs)))
    program = Program(
        name=str(meta.get("network") or model.metadata_props.get("blueoil.network") or graph.name),
        input=str(source.name),
        output=str(result.name),
        tensors=tensors,
        steps=tuple(steps),
        classes=classes,
        preprocess=preprocess,
        metadata={**model.metadata_props, **{key: str(meta[key]) for key in _RECORDED if key in meta}},
    )
    _agree(program, meta)
    return program


def _step_name(node: ir.Node) -> str:
    """Return the layer's name; the dequantisation at the end is a step of its own beside its layer."""
    name, _, part = str(node.name).partition("/")
    return f"{name}_{part}" if part.startswith("dequantize") else name


def _tensor(name: str, value: ir.Value) -> Tensor:
    height, width, channels = static_shape(value)[1:]
    shape = (height, width, channels)
    if value.dtype != CODES:
        return Tensor(name, Kind.FLOAT, shape)
    kind = code_type(value)
    return Tensor(name, Kind.CODES, shape, kind.bits, kind.max_value)


def _thresholds(node: ir.Node) -> Thresholds:
    values, directions = node.inputs[-2:]
    return Thresholds(values=array(values), directions=array(directions))


def _affine(node: ir.Node) -> Affine:
    scale, bias = node.inputs[-2:]
    return Affine(scale=array(scale), bias=array(bias))


def _window(node: ir.Node, kernel: Sequence[int]) -> Window:
    """Return where the node's window stands; what lies behind the last pixel follows from the output's shape."""
    rows, columns = kernel
    top, left, _, _ = node.attributes["pads"].value
    return Window((rows, columns), node.attributes["strides"].value[0], (top, left))


def _float_conv(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    epilogue = _thresholds(node) if node.op_type == "FloatConvThreshold" else _affine(node)
    weights = array(node.inputs[1])
    window = _window(node, weights.shape[:2])
    return FloatConv(name, reads[0], writes[0], weights=weights, epilogue=epilogue, window=window)


def _quant_conv(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    epilogue = _thresholds(node) if node.op_type == "QuantConvThreshold" else _affine(node)
    weights = array(node.inputs[1])
    window = _window(node, weights.shape[:2])
    return QuantConv(name, reads[0], writes[0], weights=weights, epilogue=epilogue, window=window)


def _max_pool(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    return MaxPool(name, reads[0], writes[0], window=_window(node, node.attributes["kernel_shape"].value))


def _average_pool(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    window = _window(node, node.attributes["kernel_shape"].value)
    padded = bool(node.attributes["count_include_pad"].as_int())
    return AveragePool(name, reads[0], writes[0], window=window, padded=padded)


def _channel_affine(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    return ChannelAffine(name, reads[0], writes[0], epilogue=_affine(node))


def _float_threshold(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    return FloatThreshold(name, reads[0], writes[0], epilogue=_thresholds(node))


def _pointwise(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    alpha = node.attributes["alpha"].as_float() if node.op_type == "LeakyRelu" else 0.0
    return Pointwise(name, reads, writes[0], function=_FUNCTIONS[node.op_type], alpha=alpha)


def _softmax(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    _need_last_axis(node, name)
    return Softmax(name, reads[0], writes[0])


def _concat(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    _need_last_axis(node, name)
    return Concat(name, reads, writes[0])


def _split(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    _need_last_axis(node, name)
    return Split(name, reads[0], writes)


def _need_last_axis(node: ir.Node, name: str) -> None:
    if node.attributes["axis"].as_int() != 3:
        raise InternalError(f"{node.op_type} is no final op while it is NCHW", where=name)


def _pad(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    _, *before = node.attributes["pads"].value[:4]
    _, *after = node.attributes["pads"].value[4:]
    rows, columns, channels = zip(before, after, strict=True)
    return Pad(name, reads[0], writes[0], rows=rows, columns=columns, channels=channels)


def _space_to_depth(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    return SpaceToDepth(name, reads[0], writes[0], block=node.attributes["blocksize"].as_int())


def _depth_to_space(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    return DepthToSpace(name, reads[0], writes[0], block=node.attributes["blocksize"].as_int())


def _dequantize(node: ir.Node, name: str, reads: Names, writes: Names) -> Step:
    return Dequantize(name, reads[0], writes[0], table=array(node.inputs[1]))


_FUNCTIONS = {"LeakyRelu": "leaky_relu", **{name: name.lower() for name in ("Relu", *ELEMENTWISE)}}
_STEPS: dict[str, Callable[[ir.Node, str, Names, Names], Step]] = {
    "dlk.FloatConvThreshold": _float_conv,
    "dlk.FloatConvAffine": _float_conv,
    "dlk.QuantConvThreshold": _quant_conv,
    "dlk.QuantConvAffine": _quant_conv,
    "dlk.MaxPool": _max_pool,
    "dlk.AveragePool": _average_pool,
    "dlk.Affine": _channel_affine,
    "dlk.FloatThreshold": _float_threshold,
    **dict.fromkeys(_FUNCTIONS, _pointwise),
    "Softmax": _softmax,
    "dlk.Pad": _pad,
    "dlk.SpaceToDepth": _space_to_depth,
    "dlk.DepthToSpace": _depth_to_space,
    "dlk.Dequantize": _dequantize,
    "Concat": _concat,
    "Split": _split,
}


def _classes(meta: Mapping[str, Any]) -> tuple[str, ...]:
    classes = meta.get("CLASSES")
    if not isinstance(classes, Sequence) or isinstance(classes, str) or not classes:
        raise _meta_error("CLASSES", "a list of class names", classes)
    return tuple(str(name) for name in classes)


def _preprocess(meta: Mapping[str, Any]) -> Preprocess:
    entries = meta.get("PRE_PROCESSOR")
    if not isinstance(entries, Sequence) or not all(isinstance(entry, Mapping) for entry in entries):
        raise _meta_error("PRE_PROCESSOR", "a list of pre-processors", entries)
    names = [str(name) for entry in entries for name in entry if name != _RESIZE]
    if len(names) != 1 or names[0] not in PREPROCESSORS:
        raise _meta_error("PRE_PROCESSOR", f"beside {_RESIZE} one of {', '.join(PREPROCESSORS)}", names)
    return Preprocess(names[0])


def _agree(program: Program, meta: Mapping[str, Any]) -> None:
    height, width, _ = program.tensors[program.input].shape
    if meta.get("IMAGE_SIZE") != [height, width]:
        raise _meta_error("IMAGE_SIZE", f"the model's {[height, width]}", meta.get("IMAGE_SIZE"))
    channels = program.tensors[program.output].shape[2]
    if meta.get("TASK") in _ONE_CHANNEL_A_CLASS and len(program.classes) != channels:
        raise _meta_error("CLASSES", f"{channels} names, one for each channel of the output", list(program.classes))


def _meta_error(key: str, expected: str, received: object) -> DlkError:
    return DlkError(
        "meta.yaml does not describe the model",
        where=key,
        expected=expected,
        received=str(received),
        fix="export the checkpoint again",
    )
