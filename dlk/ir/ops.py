"""The one table of ops: those of a graph as exported, and ours, with their operands, attributes and results.

Ours (domain ``dlk``) are NHWC with HWIO kernels and carry a body in standard ops, so that a graph runs in onnxruntime
after every pass. Codes are uint8; what a code is worth stands in the attributes ``bits`` and ``max_value``. ``Concat``
and ``Split`` are standard at every stage, on axis 1 (NCHW) or 3 (NHWC): a body can't have any number of operands.
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
INDICES = ir.DataType.INT64
ELEMENTWISE = ("Add", "Sub", "Mul", "Max", "Min")  # of two tensors of one shape


@dataclass(frozen=True, slots=True)
class Operand:
    """One input of an op: its name, the dtypes that it may have, its rank, and whether it must be an initializer."""

    name: str
    dtypes: tuple[ir.DataType, ...]
    rank: int = 4
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Op:
    """One op. ``result`` is its outputs' dtype, or None for that of the first operand.

    shape: the rule of its one output, or of all its outputs. attributes: those that it must have; options: those that
    it may have; defaults: those that it may have, each with the only value that we take. optional: how many of the last
    operands may be absent; variadic: whether the last operand may come again and again.
    """

    name: str
    operands: tuple[Operand, ...]
    result: ir.DataType | None
    shape: shapes.ShapeRule | shapes.PartsRule
    domain: str = DOMAIN
    attributes: Mapping[str, ir.AttributeType] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, ir.AttributeType] = field(default_factory=dict)
    optional: int = 0
    variadic: bool = False

    @property
    def identifier(self) -> str:
        """Return ``domain.Name``, or the bare name of a standard op."""
        return f"{self.domain}.{self.name}" if self.domain else self.name

    def takes(self, count: int) -> bool:
        """Return whether a node of the op may have this many inputs."""
        return len(self.operands) - self.optional <= count and (self.variadic or count <= len(self.operands))

    def operand(self, index: int) -> Operand:
        """Return what the input at ``index`` must be."""
        return self.operands[min(index, len(self.operands) - 1)]


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
WINDOW = {"strides": _INTS, "pads": _INTS}
_NORM = ("gamma", "beta", "mean", "variance")
_FLOAT_DATA, _CODE_DATA = _data("x", FLOAT), _data("codes", CODES)
_KERNEL, _SIGN = _constant("kernel", FLOAT, 4), _constant("sign", SIGNS, 4)
_DIRECTIONS = _constant("directions", SIGNS, 1)
_MOVED = _data("x", FLOAT, CODES)

_EXPORTED = (
    Op("Transpose", (_FLOAT_DATA,), None, shapes.transpose, "", {"perm": _INTS}),
    Op(
        "Conv",
        (_FLOAT_DATA, _data("kernel", FLOAT)),
        FLOAT,
        shapes.conv_nchw,
        "",
        {"kernel_shape": _INTS},
        {"dilations": (1, 1), "auto_pad": "NOTSET"},
        {**WINDOW, "group": _INT},
    ),
    Op(
        "AveragePool",
        (_FLOAT_DATA,),
        FLOAT,
        shapes.pool_nchw,
        "",
        {"kernel_shape": _INTS},
        {"dilations": (1, 1), "ceil_mode": 0, "auto_pad": "NOTSET"},
        {**WINDOW, "count_include_pad": _INT},
    ),
    Op(
        "MaxPool",
        (_MOVED,),
        None,
        shapes.pool_nchw,
        "",
        {"kernel_shape": _INTS},
        {"dilations": (1, 1), "ceil_mode": 0, "storage_order": 0, "auto_pad": "NOTSET"},
        WINDOW,
    ),
    Op("Concat", (_MOVED,), None, shapes.concat, "", {"axis": _INT}, variadic=True),
    Op(
        "Split",
        (_MOVED, _constant("split", INDICES, 1)),
        None,
        shapes.split,
        "",
        {"axis": _INT},
        options={"num_outputs": _INT},
        optional=1,
    ),
    Op(
        "Pad",
        (_MOVED, _constant("pads", INDICES, 1), _constant("constant_value", FLOAT, 0)),
        None,
        shapes.pad,
        "",
        defaults={"mode": "constant"},
        optional=1,
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
    Op("LeakyRelu", (_FLOAT_DATA,), FLOAT, shapes.same, "", {"alpha": _REAL}),
    *(Op(name, (_FLOAT_DATA, _data("b", FLOAT)), FLOAT, shapes.elementwise, "") for name in ELEMENTWISE),
    Op("Softmax", (_FLOAT_DATA,), FLOAT, shapes.softmax, "", {"axis": _INT}),
    Op("SpaceToDepth", (_MOVED,), None, shapes.space_to_depth_nchw, "", _BLOCK),
    Op("DepthToSpace", (_MOVED,), None, shapes.depth_to_space_nchw, "", _BLOCK, {"mode": "DCR"}),
    Op("Cast", (_data("x", DOUBLE),), FLOAT, shapes.same, "", {"to": _INT}, {"saturate": 1}),
    Op("BinaryMeanScalingQuantizer", (_KERNEL,), FLOAT, shapes.same, EXPORT_DOMAIN),
    Op("BinaryChannelWiseMeanScalingQuantizer", (_KERNEL,), FLOAT, shapes.same, EXPORT_DOMAIN),
    Op("LinearMidTreadHalfQuantizer", (_FLOAT_DATA,), FLOAT, shapes.same, EXPORT_DOMAIN, _CODE),
)

_OURS = (
    Op("SpaceToDepth", (_MOVED,), None, shapes.space_to_depth_nhwc, attributes=_BLOCK),
    Op("DepthToSpace", (_MOVED,), None, shapes.depth_to_space_nhwc, attributes=_BLOCK),
    Op("BinaryKernel", (_SIGN, _constant("scale", DOUBLE, 4)), FLOAT, shapes.scaled_kernel),
    Op("MaxPool", (_MOVED,), None, shapes.pool_nhwc, attributes={"kernel_shape": _INTS, **WINDOW}),
    Op(
        "AveragePool",
        (_FLOAT_DATA,),
        FLOAT,
        shapes.pool_nhwc,
        attributes={"kernel_shape": _INTS, **WINDOW, "count_include_pad": _INT},
    ),
    Op("Affine", (_FLOAT_DATA, *_vectors("scale", "bias")), FLOAT, shapes.channels_last),
    Op(
        "FloatThreshold",
        (_FLOAT_DATA, _constant("values", FLOAT, 2), _DIRECTIONS),
        CODES,
        shapes.threshold,
        attributes=_CODE,
    ),
    Op("Pad", (_MOVED,), None, shapes.pad, attributes={"pads": _INTS}),
    Op("Conv", (_FLOAT_DATA, _data("kernel", FLOAT)), FLOAT, shapes.conv_nhwc, attributes=WINDOW),
    Op("QuantConv", (_CODE_DATA, _SIGN), SUMS, shapes.conv_nhwc, attributes=WINDOW),
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
        attributes={**WINDOW, **_CODE},
    ),
    Op(
        "QuantConvThreshold",
        (_CODE_DATA, _SIGN, _constant("values", SUMS, 2), _DIRECTIONS),
        CODES,
        shapes.conv_threshold,
        attributes={**WINDOW, **_CODE},
    ),
    Op(
        "FloatConvAffine",
        (_FLOAT_DATA, _KERNEL, *_vectors("scale", "bias")),
        FLOAT,
        shapes.conv_affine,
        attributes=WINDOW,
    ),
    Op(
        "QuantConvAffine",
        (_CODE_DATA, _SIGN, *_vectors("scale", "bias")),
        FLOAT,
        shapes.conv_affine,
        attributes=WINDOW,
    ),
)

OPS: dict[str, Op] = {op.identifier: op for op in (*_EXPORTED, *_OURS)}


def identifier(node: ir.Node) -> str:
    """Return the node's key in ``OPS``: ``domain.Name``, or the bare name of a standard op."""
    return f"{node.domain}.{node.op_type}" if node.domain else node.op_type


def attribute_faults(node: ir.Node) -> Iterator[str]:
    """Yield what is wrong with the attributes of a node whose op is known."""
    op = OPS[identifier(node)]
    kinds = {**op.options, **op.attributes}
    for name, kind in kinds.items():
        if name not in node.attributes:
            if name in op.attributes:
                yield f"the attribute {name} is missing"
        elif node.attributes[name].type != kind:
            yield f"the attribute {name} is {node.attributes[name].type}"
    for name, attribute in node.attributes.items():
        if name not in kinds and name not in op.defaults:
            yield f"the attribute {name} is unknown"
        expected = op.defaults.get(name)
        if expected is not None and attribute.value != expected:
            yield f"{name} is {attribute.value}, only {expected} is taken"


def infer(node: ir.Node) -> tuple[ir.DataType, tuple[shapes.Shape, ...]]:
    """Return the dtype and the shape of each of the node's results; ``ValueError`` where the operands do not fit.

    A rule finds an operand that holds indices among the attributes, by the operand's name.
    """
    op = OPS[identifier(node)]
    facts = {name: attribute.value for name, attribute in node.attributes.items()}
    facts |= {op.operand(i).name: _indices(x) for i, x in enumerate(node.inputs) if op.operand(i).dtypes == (INDICES,)}
    sizes = [static_shape(value) for value in node.inputs]
    for i, size in enumerate(sizes):
        if len(size) != op.operand(i).rank:
            raise ValueError(f"{op.operand(i).name} has {len(size)} axes, not {op.operand(i).rank}")
    result = op.shape(sizes, facts)
    dtype = op.result if op.result is not None else node.inputs[0].dtype
    return dtype, tuple(result) if isinstance(result, list) else (result,)


def _indices(value: ir.Value) -> tuple[int, ...]:
    if value.const_value is None:
        raise ValueError(f"{value.name} is not a constant")
    return tuple(int(index) for index in value.const_value.numpy().reshape(-1))


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
