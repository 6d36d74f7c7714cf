"""The one table of ops: those of a graph as exported, and ours, with their operands, attributes and results.

Ours (domain ``dlk``) are NHWC with HWIO kernels and carry a body in standard ops, so that a graph runs in onnxruntime
after every pass. Codes are uint8; what a code is worth stands in the attributes ``bits`` and ``max_value``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import onnx_ir as ir
from onnx import FunctionProto, parser

from dlk.ir import shapes
from dlk.ir.functions import BODIES

DOMAIN = "dlk"
EXPORT_DOMAIN = "blueoil"
OPSET = 18

FLOAT, DOUBLE = ir.DataType.FLOAT, ir.DataType.DOUBLE
CODES, SUMS, SIGNS = ir.DataType.UINT8, ir.DataType.INT32, ir.DataType.INT8


@dataclass(frozen=True, slots=True)
class Operand:
    """One input of an op: its name, the dtypes that it may have, its rank, and whether it must be an initializer."""

    name: str
    dtypes: tuple[ir.DataType, ...]
    rank: int = 4
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Op:
    """One op. ``result`` is its output's dtype, or None for that of the first operand.

    attributes: those that it must have; defaults: those that it may have, each with the only value that we take.
    """

    name: str
    operands: tuple[Operand, ...]
    result: ir.DataType | None
    shape: shapes.ShapeRule
    domain: str = DOMAIN
    attributes: Mapping[str, ir.AttributeType] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)

    @property
    def identifier(self) -> str:
        """Return ``domain.Name``, or the bare name of a standard op."""
        return f"{self.domain}.{self.name}" if self.domain else self.name


def _data(name: str, *dtypes: ir.DataType) -> Operand:
    return Operand(name, dtypes)


def _constant(name: str, dtype: ir.DataType, rank: int) -> Operand:
    return Operand(name, (dtype,), rank, constant=True)


def _vectors(*names: str, dtype: ir.DataType = FLOAT) -> tuple[Operand, ...]:
    return tuple(_constant(name, dtype, 1) for name in names)


_INT, _INTS, _REAL, _TEXT = (
    ir.AttributeType.INT,
    ir.AttributeType.INTS,
    ir.AttributeType.FLOAT,
    ir.AttributeType.STRING,
)
_CODE = {"bits": _INT, "max_value": _REAL}
_BLOCK = {"blocksize": _INT}
_NORM = ("gamma", "beta", "mean", "variance")
_FLOAT_DATA, _CODE_DATA = _data("x", FLOAT), _data("codes", CODES)
_KERNEL, _SIGN = _constant("kernel", FLOAT, 4), _constant("sign", SIGNS, 4)
_DIRECTIONS = _constant("directions", SIGNS, 1)

_EXPORTED = (
    Op("Transpose", (_FLOAT_DATA,), None, shapes.transpose, "", {"perm": _INTS}),
    Op(
        "Conv",
        (_FLOAT_DATA, _data("kernel", FLOAT)),
        FLOAT,
        shapes.conv_nchw,
        "",
        {"kernel_shape": _INTS, "pads": _INTS},
        {"strides": (1, 1), "dilations": (1, 1), "group": 1, "auto_pad": "NOTSET"},
    ),
    Op(
        "BatchNormalization",
        (_FLOAT_DATA, *_vectors(*_NORM)),
        FLOAT,
        shapes.channels_first,
        "",
        {"epsilon": _REAL},
        {"training_mode": 0, "momentum": None},
    ),
    Op("Relu", (_FLOAT_DATA,), FLOAT, shapes.same, ""),
    Op("SpaceToDepth", (_data("x", FLOAT, CODES),), None, shapes.space_to_depth_nchw, "", _BLOCK),
    Op("DepthToSpace", (_data("x", FLOAT, CODES),), None, shapes.depth_to_space_nchw, "", _BLOCK, {"mode": "DCR"}),
    Op("Cast", (_data("x", DOUBLE),), FLOAT, shapes.same, "", {"to": _INT}, {"saturate": 1}),
    Op("BinaryMeanScalingQuantizer", (_KERNEL,), FLOAT, shapes.same, EXPORT_DOMAIN),
    Op("BinaryChannelWiseMeanScalingQuantizer", (_KERNEL,), FLOAT, shapes.same, EXPORT_DOMAIN),
    Op("LinearMidTreadHalfQuantizer", (_FLOAT_DATA,), FLOAT, shapes.same, EXPORT_DOMAIN, _CODE),
)

_OURS = (
    Op("SpaceToDepth", (_data("x", FLOAT, CODES),), None, shapes.space_to_depth_nhwc, attributes=_BLOCK),
    Op("DepthToSpace", (_data("x", FLOAT, CODES),), None, shapes.depth_to_space_nhwc, attributes=_BLOCK),
    Op("BinaryKernel", (_SIGN, _constant("scale", DOUBLE, 4)), FLOAT, shapes.scaled_kernel),
    Op("Conv", (_FLOAT_DATA, _data("kernel", FLOAT)), FLOAT, shapes.conv_nhwc),
    Op("QuantConv", (_CODE_DATA, _SIGN), SUMS, shapes.conv_nhwc),
    Op("Rescale", (_data("sums", SUMS), *_vectors("factor", dtype=DOUBLE)), DOUBLE, shapes.channels_last),
    Op(
        "BatchNorm",
        (_data("x", FLOAT, DOUBLE), *_vectors(*_NORM)),
        DOUBLE,
        shapes.channels_last,
        attributes={"epsilon": _REAL},
    ),
    Op("Quantize", (_data("x", FLOAT, DOUBLE),), CODES, shapes.same, attributes=_CODE),
    Op("Dequantize", (_CODE_DATA, _constant("table", FLOAT, 1)), FLOAT, shapes.table, attributes=_CODE),
    Op(
        "FloatConvThreshold",
        (_FLOAT_DATA, _KERNEL, _constant("values", FLOAT, 2), _DIRECTIONS),
        CODES,
        shapes.conv_threshold,
        attributes=_CODE,
    ),
    Op(
        "QuantConvThreshold",
        (_CODE_DATA, _SIGN, _constant("values", SUMS, 2), _DIRECTIONS),
        CODES,
        shapes.conv_threshold,
        attributes=_CODE,
    ),
    Op("FloatConvAffine", (_FLOAT_DATA, _KERNEL, *_vectors("scale", "bias")), FLOAT, shapes.conv_affine),
    Op("QuantConvAffine", (_CODE_DATA, _SIGN, *_vectors("scale", "bias")), FLOAT, shapes.conv_affine),
)

OPS: dict[str, Op] = {op.identifier: op for op in (*_EXPORTED, *_OURS)}


def identifier(node: ir.Node) -> str:
    """Return the node's key in ``OPS``: ``domain.Name``, or the bare name of a standard op."""
    return f"{node.domain}.{node.op_type}" if node.domain else node.op_type


def attribute_faults(node: ir.Node) -> Iterator[str]:
    """Yield what is wrong with the attributes of a node whose op is known."""
    op = OPS[identifier(node)]
    for name, kind in op.attributes.items():
        if name not in node.attributes:
            yield f"the attribute {name} is missing"
        elif node.attributes[name].type != kind:
            yield f"the attribute {name} is {node.attributes[name].type}"
    for name, attribute in node.attributes.items():
        if name not in op.attributes and name not in op.defaults:
            yield f"the attribute {name} is unknown"
        expected = op.defaults.get(name)
        if expected is not None and attribute.value != expected:
            yield f"{name} is {attribute.value}, only {expected} is taken"


def infer(node: ir.Node) -> tuple[ir.DataType, shapes.Shape]:
    """Return dtype and shape of the node's result from its operands; ``ValueError`` where they do not fit."""
    op = OPS[identifier(node)]
    operand_shapes = [static_shape(value) for value in node.inputs]
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    dtype = op.result if op.result is not None else node.inputs[0].dtype
    return dtype, op.shape(operand_shapes, attributes)


def static_shape(value: ir.Value) -> shapes.Shape:
    """Return the value's shape as integers; ``ValueError`` where it is unknown."""
    if value.shape is None or not value.shape.is_static():
        raise ValueError(f"the shape of {value.name} is not known")
    return tuple(int(size) for size in value.shape)


@cache
def _body(name: str) -> bytes:
    text = f'<domain: "{DOMAIN}", opset_import: ["" : {OPSET}]>\n{BODIES[name].strip()}'
    return bytes(parser.parse_function(text).SerializeToString())


def function(name: str) -> ir.Function:
    """Return a fresh model-local function that holds the body of our op ``name``."""
    return ir.serde.deserialize_function(FunctionProto.FromString(_body(name)))
