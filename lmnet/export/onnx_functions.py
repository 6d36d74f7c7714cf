"""The quantizers as ONNX functions: bodies in standard ops, so that any ONNX runtime computes them."""

from __future__ import annotations

import onnx

DOMAIN = "blueoil"
OPSET = 18

_BINARY = """
<domain: "blueoil", opset_import: ["" : 18]>
{name} (x) => (y)
{{
  magnitude = Abs(x)
  {axes}
  scale = ReduceMean<keepdims = 1>({arguments})
  zero = Constant<value_float = 0.0>()
  positive = GreaterOrEqual(x, zero)
  negated = Neg(scale)
  y = Where(positive, scale, negated)
}}
"""

_LINEAR = """
<domain: "blueoil", opset_import: ["" : 18]>
LinearMidTreadHalfQuantizer <bits, max_value> (x) => (y)
{
  two = Constant<value_int = 2>()
  one = Constant<value_int = 1>()
  bits = Constant<value_int: int = @bits>()
  codes = Pow(two, bits)
  last = Sub(codes, one)
  n = Cast<to = 1>(last)
  zero = Constant<value_float = 0.0>()
  half = Constant<value_float = 0.5>()
  max = Constant<value_float: float = @max_value>()
  clipped = Clip(x, zero, max)
  share = Div(clipped, max)
  scaled = Mul(share, n)
  shifted = Add(scaled, half)
  code = Floor(shifted)
  level = Div(code, n)
  y = Mul(level, max)
}
"""


def _binary(name: str, axes: str) -> onnx.FunctionProto:
    arguments = "magnitude, axes" if axes else "magnitude"
    return onnx.parser.parse_function(_BINARY.format(name=name, axes=axes, arguments=arguments))


def function_of(name: str) -> onnx.FunctionProto:
    """Return the ONNX function of the quantizer class ``name``.

    The kernel is OIHW there, so the scale of an output channel is the mean over axes 1, 2, 3.
    """
    match name:
        case "BinaryMeanScalingQuantizer":
            return _binary(name, "")
        case "BinaryChannelWiseMeanScalingQuantizer":
            return _binary(name, "axes = Constant<value_ints = [1, 2, 3]>()")
        case "LinearMidTreadHalfQuantizer":
            return onnx.parser.parse_function(_LINEAR)
    raise KeyError(name)
