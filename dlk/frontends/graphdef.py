"""Read a GraphDef, frozen by TensorFlow, with quantizers as functions of its library: what the original Blueoil wrote.

The file is parsed without TensorFlow (``tensorflow_proto``). Pictures may be NHWC or NCHW.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.frontends.branches import taken
from dlk.frontends.graphdef_arithmetic import ARITHMETIC
from dlk.frontends.graphdef_folds import FOLDS
from dlk.frontends.graphdef_operators import OPERATORS, Binary, activation, binary
from dlk.frontends.tensorflow_proto import parse
from dlk.frontends.translate import Foreign, Operator, Translated, Translator
from dlk.frontends.values import NCHW, NHWC

_DTYPES = {1: np.float32, 2: np.float64, 3: np.int32, 9: np.int64, 10: np.bool_}
_VALUES = {1: "float_val", 2: "double_val", 3: "int_val", 9: "int64_val", 10: "bool_val"}
_PER_TENSOR = ("BinaryMeanScalingQuantizer", "QTZ_binary_mean_scaling")
_PER_CHANNEL = ("BinaryChannelWiseMeanScalingQuantizer", "QTZ_binary_channel_wise_mean_scaling")
_ACTIVATIONS = ("LinearMidTreadHalfQuantizer", "QTZ_linear_mid_tread_half")
QUANTIZERS = (*_PER_TENSOR, *_PER_CHANNEL, *_ACTIVATIONS)
INPUT, OUTPUT = "images_placeholder", "output"
_FLOAT = 1  # of TensorFlow's types
_LARGEST_IMAGE = 1 << 14
_LARGEST_CONSTANT = 1 << 28  # elements


class GraphDef:
    """A frozen graph: nodes in execution order, constants, one placeholder, one output.

    input_shape: of the placeholder, batch first, in the graph's own order of axes; axes: that order.
    """

    def __init__(self, data: bytes, *, where: str, input_shape: Sequence[int] | None = None) -> None:
        """Parse and order the nodes. Raises DlkError for what is no graph with one input and one output."""
        self.where = where
        try:
            proto = parse(data)
        except ValueError as error:
            raise self._error("the file is no frozen TensorFlow graph", received=str(error)) from error
        self._nodes = {node.name: node for node in proto.node}
        self._passed: dict[str, str] = {}
        output = self._find_output()
        if any(node.op == "Switch" for node in proto.node):
            ordered = [self._nodes[name] for name in self._order(_name(output), _everything)]
            self._passed = taken(ordered, self._nodes)
        self.output = self._resolved(output)
        ordered = [self._nodes[name] for name in self._order(_name(self.output), self._inputs)]
        placeholders = [node for node in ordered if node.op == "Placeholder"]
        if len(placeholders) != 1:
            names = ", ".join(node.name for node in placeholders)
            raise self._error("the graph has not one placeholder", received=names or "none that the output depends on")
        self.input = placeholders[0].name
        self.constants = {f"{node.name}:0": self._constant(node) for node in ordered if node.op == "Const"}
        self.nodes = [self._foreign(node) for node in ordered if node.op not in ("Const", "Placeholder")]
        self.input_shape, self.axes = self._picture(placeholders[0], input_shape)
        self._zero_is_plus = {
            _function(function.signature.name): all(node.op != "Sign" for node in function.node_def)
            for function in proto.library.function
        }

    def translate(self) -> Translated:
        """Return the whole graph."""
        translator = Translator({**OPERATORS, **ARITHMETIC, **self._quantizers()}, FOLDS, self.constants)
        return translator.run(self.nodes, f"{self.input}:0", self.axes, self.input_shape, self.output)

    def _quantizers(self) -> dict[str, Operator]:
        """Return the operators for the quantizers: functions of these names, also where a suffix makes them unique."""
        found: dict[str, Operator] = dict.fromkeys(_ACTIVATIONS, activation)
        for names, scaling in ((_PER_TENSOR, "tensor"), (_PER_CHANNEL, "channel")):
            for name in names:
                found[name] = binary(scaling, zero_is_plus=self._zero_is_plus.get(name, False))
        return found

    def _find_output(self) -> str:
        if OUTPUT in self._nodes:
            return f"{OUTPUT}:0"
        read = {_name(name) for node in self._nodes.values() for name in node.input}
        ends = [name for name, node in self._nodes.items() if name not in read and node.op not in ("Const", "NoOp")]
        if len(ends) != 1:
            ends_told = ", ".join(ends[:8]) or "none"
            raise self._error(f"the graph has {len(ends)} outputs", received=ends_told, expected="one, or `output`")
        return f"{ends[0]}:0"

    def _resolved(self, name: str) -> str:
        """Return the tensor of this name, or what a branch that is always taken passes on as it."""
        tensor = name if ":" in name else f"{name}:0"
        while tensor in self._passed:
            tensor = self._passed[tensor]
        return tensor

    def _inputs(self, node: Any) -> list[str]:
        """Return the tensors that a node reads."""
        return [self._resolved(name) for name in node.input if not name.startswith("^")]

    def _order(self, last: str, inputs: Callable[[Any], Iterable[str]]) -> Iterator[str]:
        """Yield the names of what a node depends on, each after what it reads."""
        waiting = [last]
        begun: set[str] = set()
        done: set[str] = set()
        while waiting:
            name = waiting[-1]
            if name not in self._nodes:
                raise self._error("a node reads what is not there", received=name)
            reads = [_name(value) for value in inputs(self._nodes[name])]
            open_reads = [read for read in reads if read not in done]
            if name in done:
                waiting.pop()
            elif not open_reads:
                waiting.pop()
                done.add(name)
                yield name
            elif name in begun and begun.intersection(open_reads):
                raise self._error("the graph reads its own results: it has a loop", received=name)
            else:
                begun.add(name)
                waiting.extend(reversed(open_reads))

    def _foreign(self, node: Any) -> Foreign:
        attributes = {entry.key: entry.value for entry in node.attr}
        inputs = tuple(self._inputs(node))
        count = attributes["num_split"].i if "num_split" in attributes else 1
        outputs = tuple(f"{node.name}:{index}" for index in range(min(max(count, 1), 1 << 12)))
        return Foreign(node.name, _function(node.op), inputs, outputs, attributes)

    def _constant(self, node: Any) -> NDArray[Any]:
        tensor = next((entry.value.tensor for entry in node.attr if entry.key == "value"), None)
        if tensor is None or tensor.dtype not in _DTYPES:
            kind = "none" if tensor is None else f"TensorFlow's type {tensor.dtype}"
            raise self._error("a constant of a type that is not supported", received=f"{node.name}: {kind}")
        shape = [dim.size for dim in tensor.tensor_shape.dim]
        dtype: np.dtype[Any] = np.dtype(_DTYPES[tensor.dtype])
        count = math.prod(shape)
        if min(shape, default=1) < 0 or count > _LARGEST_CONSTANT:
            raise self._error("a constant is too large", received=f"{node.name}: {shape}")
        if tensor.tensor_content:
            whole = len(tensor.tensor_content) // dtype.itemsize * dtype.itemsize
            values = np.frombuffer(tensor.tensor_content[:whole], dtype)
        else:  # the last value stands for all that follow; without any, all are 0
            values = np.array(list(getattr(tensor, _VALUES[tensor.dtype]))[:count] or [0], dtype)
            values = np.concatenate([values, np.full(max(count - len(values), 0), values[-1])]).astype(dtype)[:count]
        if len(values) != count:
            raise self._error("a constant does not hold what it declares", received=f"{node.name}: {shape}")
        return values.reshape(shape)

    def _picture(self, node: Any, given: Sequence[int] | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shape and the axes of the input; a batch that is open is 1."""
        kind = next((entry.value.type for entry in node.attr if entry.key == "dtype"), _FLOAT)
        if kind != _FLOAT:
            told = f"{node.name}: TensorFlow's type {kind}"
            raise self._error("the input is no float32", expected="float32, pixels as pre-processed", received=told)
        shape = next((entry.value.shape for entry in node.attr if entry.key == "shape"), None)
        sizes = [dim.size for dim in shape.dim] if shape is not None and not shape.unknown_rank else []
        return picture(sizes, given, self._error)

    def _error(self, what: str, *, received: str, expected: str = "") -> DlkError:
        wanted = expected or "a GraphDef as the original Blueoil freezes it"
        return DlkError(what, where=self.where, expected=wanted, received=received)


def picture(
    sizes: Sequence[int], given: Sequence[int] | None, error: Callable[..., DlkError]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shape and the axes of an input of these sizes, unknown ones below 1; ``given`` fills them in.

    Raises what ``error`` makes, where it is no batch of one picture in RGB.
    """
    found = list(sizes) or list(given or [])
    if given is not None and len(given) == len(found):
        for at, (size, wanted) in enumerate(zip(found, given, strict=True)):
            if size > 0 and size != wanted and at:
                raise error("the input shape does not fit the graph", expected=str(found), received=str(list(given)))
        found = list(given)
    if found and found[0] < 1:
        found[0] = 1
    fits = len(found) == 4 and found[0] == 1 and min(found) >= 1 and max(found) <= _LARGEST_IMAGE
    axes = NHWC if fits and found[3] == 3 else NCHW if fits and found[1] == 3 else None
    if axes is None:
        raise error(
            "the input is no picture of a known size",
            expected="[1, H, W, 3] or [1, 3, H, W]; --input-shape fills in what the graph leaves open",
            received=str(found),
        )
    return tuple(found), axes


def _everything(node: Any) -> Sequence[str]:
    return list(node.input)


def _name(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _function(op: str) -> str:
    """Return the quantizer that a function is, where its name begins so."""
    return next((name for name in QUANTIZERS if op == name or op.startswith(f"{name}_")), op)


__all__ = ["INPUT", "OUTPUT", "QUANTIZERS", "Binary", "GraphDef", "picture"]
