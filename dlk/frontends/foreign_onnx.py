"""Read ONNX that others wrote, opset 13 to 22: plain, with QDQ pairs, or with QONNX's quantizers; NCHW or NHWC."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, inliner, numpy_helper
from onnx.reference import ReferenceEvaluator

from dlk.errors import DlkError
from dlk.frontends import arithmetic
from dlk.frontends.graphdef import picture
from dlk.frontends.onnx_operators import OPERATORS
from dlk.frontends.qonnx import DOMAINS, Signed, limits, signed
from dlk.frontends.translate import Constant, Fold, Foreign, Operator, Tensor, Translated, Translator
from dlk.frontends.values import RefusedError, need
from dlk.ir.codes import CodeType

OPSETS = range(13, 23)
_BITS = {1, 2, 3, 4}
_WEIGHT_RULE = "weights have 1 bit, or are -1, 0 and +1"
_ACTIVATION_RULE = "activations are unsigned codes of 1 to 4 bits; code 0 is worth 0"
_PAIR = "QuantizeLinear and DequantizeLinear in a row, of one scale"
_UINT4 = 21  # of ONNX's data types
QUANTIZERS = ("Clip", "DequantizeLinear", "QuantizeLinear", "qonnx.BipolarQuant", "qonnx.Quant")
_NOT_FOLDED = {"DequantizeLinear", "qonnx.Quant", "qonnx.BipolarQuant", "Shape"}


class ForeignOnnx:
    """A model file: nodes that the output depends on, constants, one input, one output."""

    def __init__(self, model: onnx.ModelProto, *, where: str, input_shape: Sequence[int] | None = None) -> None:
        """Order the nodes. Raises DlkError for what is no graph with one picture in and one output."""
        self.where = where
        opsets = {entry.domain: entry.version for entry in model.opset_import}
        opset = opsets.get("", opsets.get("ai.onnx", 0))
        if opset not in OPSETS:
            expected = f"opset {OPSETS.start} to {OPSETS.stop - 1}"
            raise self._error("the model is of another version of ONNX", expected=expected, received=f"opset {opset}")
        if model.functions:
            model = inliner.inline_local_functions(model)
        graph = model.graph
        self._opset = opset
        stored = {tensor.name for tensor in graph.initializer}
        inputs = [value for value in graph.input if value.name not in stored]
        if len(inputs) != 1 or len(graph.output) != 1:
            names = [", ".join(value.name for value in values) or "none" for values in (inputs, graph.output)]
            ends = f"{len(inputs)} inputs ({names[0]}) and {len(graph.output)} outputs ({names[1]})"
            raise self._error("the graph has not one input and one output", expected="one of each", received=ends)
        self.input, self.output = inputs[0].name, graph.output[0].name
        if inputs[0].type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
            told = f"{self.input}: {_type_name(inputs[0].type.tensor_type.elem_type)}"
            raise self._error("the input is no float32", expected="float32, pixels as pre-processed", received=told)
        sizes = [dim.dim_value or -1 for dim in inputs[0].type.tensor_type.shape.dim]
        self.input_shape, self.axes = picture(sizes, input_shape, self._error)
        self.types = {tensor.name: tensor.data_type for tensor in graph.initializer}
        try:
            self.constants = {tensor.name: _array(tensor) for tensor in graph.initializer}
        except (KeyError, TypeError, ValueError) as error:
            raise self._error("a constant of the model cannot be read", received=repr(error)) from error
        self.nodes = [_foreign(node, number) for number, node in enumerate(_needed(graph, self.output))]
        self._protos = {tuple(node.output): node for node in graph.node}
        self._makers = {name: node for node in self.nodes for name in node.outputs}
        self._readers: defaultdict[str, list[Foreign]] = defaultdict(list)
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                self._readers[name].append(node)

    def translate(self) -> Translated:
        """Return the whole graph."""
        made: tuple[Operator, ...] = (self._clip, self._dequantize, self._quantize, _bipolar, _quant)
        quantizers = dict(zip(QUANTIZERS, made, strict=True))
        translator = Translator({**OPERATORS, **quantizers}, _Folds(self._fold), self.constants)
        return translator.run(self.nodes, self.input, self.axes, self.input_shape, self.output)

    def _fold(self, node: Foreign, parts: list[Constant]) -> Constant:
        """Compute a node of constants by ONNX's own reference."""
        if node.op == "Transpose" and isinstance(parts[0], Signed):
            return parts[0].turned(list(node.attributes.get("perm", range(parts[0].ndim)[::-1])))
        if node.op in ("Identity", "Dropout") or (node.op == "Cast" and isinstance(parts[0], Signed)):
            return parts[0]
        proto = self._protos[node.outputs]
        need(not proto.domain, f"{node.op} is not supported", "the table of operators in docs/graphs.md")
        named = dict(zip((name for name in proto.input if name), parts, strict=True))
        try:
            made = ReferenceEvaluator(_alone(proto, self._opset, named)).run(None, named)
        except Exception as error:  # of whatever the evaluator is made of
            raise RefusedError(f"{node.op} of constants: {error}", "constants can be computed") from error
        return np.asarray(made[0])

    def _clip(self, translator: Translator, node: Foreign) -> Tensor:
        """Read Clip(x, low, high), of which each end may be left out; a quantizer that follows may make it needless."""
        contract, x, alone = translator.contract, translator.value(node), translator.alone(node)
        if not (translator.has(node, 1) or translator.has(node, 2)):
            return translator.same(x)
        for index, op in ((1, "Max"), (2, "Min")):
            if translator.has(node, index):
                end = translator.constant(node, index)
                x, alone = arithmetic.with_constant(contract, op, x, end, node.name, alone=alone, first=False), True
        return x

    def _quantize(self, translator: Translator, node: Foreign) -> Tensor:
        readers = {other.op for other in self._readers[node.outputs[0]]}
        need(readers == {"DequantizeLinear"}, "nothing makes its codes values", _PAIR)
        return translator.same(translator.value(node))

    def _dequantize(self, translator: Translator, node: Foreign) -> Tensor:
        """Read what follows QuantizeLinear, or stored integers."""
        scale = translator.constant(node, 1).astype(np.float64)
        zero = translator.constant(node, 2) if translator.has(node, 2) else np.zeros(1)
        need(not np.any(zero.astype(np.int64)), "a zero point that is not 0", _ACTIVATION_RULE)
        if translator.is_constant(node, 0):
            stored = translator.constant(node, 0).astype(np.int64)
            axis = int(node.attributes.get("axis", 1))
            if scale.ndim == 1 and scale.size > 1:
                scale = scale.reshape([-1 if place == axis % stored.ndim else 1 for place in range(stored.ndim)])
            if stored.ndim < 2:
                return np.asarray(stored * scale, np.float32)  # a bias
            return signed(stored, scale)
        maker = self._makers[node.inputs[0]]
        same = np.array_equal(translator.constant(maker, 1), scale.astype(np.float32))
        need(maker.op == "QuantizeLinear" and same, "it does not undo QuantizeLinear", _PAIR)
        bits = self._bits(translator, maker)
        need(bits in _BITS, f"activations of more than 4 bits in {maker.name}", _ACTIVATION_RULE)
        kind = _kind(scale, bits)
        # The pair has two names for one value: what QuantizeLinear read decides whether others need it too.
        x = translator.value(node)
        alone = translator.alone(node) and translator.alone(maker)
        return translator.contract.quantize(x, kind, node.name, alone=alone, tap=node.outputs[0])

    def _bits(self, translator: Translator, node: Foreign) -> int:
        """Return the bits of a QuantizeLinear's codes: of its type, or of the Clip before it; 0 where they are none."""
        if self.types.get(node.inputs[2] if len(node.inputs) > 2 else "") == _UINT4:
            return 4
        clip = self._makers.get(node.inputs[0])
        if clip is None or clip.op != "Clip" or not translator.has(clip, 2):
            return 0
        top, scale = (translator.constant(*place).astype(np.float64) for place in ((clip, 2), (node, 1)))
        if top.size != 1 or scale.size != 1:
            return 0
        levels = float(top.reshape(())) / float(scale.reshape(()))
        return next((bits for bits in _BITS if abs(levels - ((1 << bits) - 1)) < 1e-3), 0)

    def _error(self, what: str, *, received: str, expected: str = "") -> DlkError:
        return DlkError(what, where=self.where, expected=expected or None, received=received)


class _Folds(dict[str, Fold]):
    """Everything that reads constants alone is computed, but for what makes kernels of codes."""

    def __init__(self, fold: Fold) -> None:
        super().__init__()
        self._fold = fold

    def __contains__(self, op: object) -> bool:
        return op not in _NOT_FOLDED and not str(op).startswith("qonnx.")

    def __getitem__(self, op: str) -> Fold:
        return self._fold


def _kind(scale: Constant, bits: int) -> CodeType:
    step = float(scale.reshape(-1)[0])
    need(scale.size == 1 and step > 0, f"{scale.size} scales, {step}", "activations have one positive scale")
    return CodeType(bits, float(np.float32(step * ((1 << bits) - 1))))


def _quant(translator: Translator, node: Foreign) -> Tensor:
    """Read QONNX's Quant: of a kernel, ternary; of activations, unsigned codes of 1 to 4 bits."""
    scale, zero, width = (translator.constant(node, index).astype(np.float64) for index in (1, 2, 3))
    need(width.size == 1 and not np.any(zero), "a zero point that is not 0, or several widths", "zero is 0, one width")
    bits, facts = int(width.reshape(())), node.attributes
    is_signed, narrow = bool(facts.get("signed", 1)), bool(facts.get("narrow", 0))
    rounding = facts.get("rounding_mode", b"ROUND")
    need(rounding.upper() in (b"ROUND", b"HALF_UP", b"HALF_EVEN"), f"rounding {rounding.decode()}", "codes are rounded")
    if translator.is_constant(node, 0):
        need(1 <= bits <= 2, f"weights of {bits} bits", _WEIGHT_RULE)
        low, high = limits(bits, signed=is_signed, narrow=narrow)
        return signed(np.clip(np.round(translator.constant(node, 0) / scale), low, high).astype(np.int64), scale)
    words = f"{'signed ' if is_signed else ''}activations of {bits} bits"
    need(bits in _BITS and not is_signed and not narrow, words, _ACTIVATION_RULE)
    kind, alone = _kind(scale, bits), translator.alone(node)
    return translator.contract.quantize(translator.value(node), kind, node.name, alone=alone, tap=node.outputs[0])


def _bipolar(translator: Translator, node: Foreign) -> Tensor:
    """Read QONNX's BipolarQuant of a kernel; sign(0) is +1."""
    need(translator.is_constant(node, 0), "activations of -1 and +1", _ACTIVATION_RULE)
    weights = translator.constant(node, 0)
    return signed(np.where(weights >= 0, 1, -1), translator.constant(node, 1).astype(np.float64))


def _type_name(kind: int) -> str:
    names = onnx.TensorProto.DataType
    return names.Name(kind) if kind in names.values() else f"type {kind}"


def _array(tensor: onnx.TensorProto) -> Constant:
    array = np.asarray(numpy_helper.to_array(tensor))
    return array.astype(np.int64) if array.dtype.kind not in "biuf" else array


def _needed(graph: onnx.GraphProto, output: str) -> list[onnx.NodeProto]:
    wanted, found = {output}, []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            found.append(node)
            wanted.update(node.input)
    return found[::-1]


def _foreign(node: onnx.NodeProto, number: int) -> Foreign:
    attributes: Mapping[str, Any] = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    op = f"qonnx.{node.op_type}" if node.domain in DOMAINS else node.op_type
    if node.domain not in ("", "ai.onnx", *DOMAINS):
        op = f"{node.domain}.{node.op_type}"
    return Foreign(node.name or f"{node.op_type}{number}", op, tuple(node.input), tuple(node.output), attributes)


def _alone(node: onnx.NodeProto, opset: int, inputs: Mapping[str, Constant]) -> onnx.ModelProto:
    """Return a model of one node."""

    def described() -> Iterator[onnx.ValueInfoProto]:
        for name, value in inputs.items():
            yield helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)

    outputs = [onnx.ValueInfoProto(name=name) for name in node.output]
    graph = helper.make_graph([node], "constant", list(described()), outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
