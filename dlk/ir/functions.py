"""Bodies of our ops in standard ONNX: what each op computes, run as such by onnxruntime and shown by Netron.

double (11) where the meaning is defined in float64; the convolutions of codes are exact in float32, because every
partial sum is an integer below 2^24. ``FloatConv*`` sums in the order that the runtime of ONNX likes, not in ours.
"""

from __future__ import annotations

_MOVE = """
{name} <blocksize> (x) => (y) {{
  planes = Transpose <perm = [0, 3, 1, 2]> (x)
  moved = {name} <blocksize: int = @blocksize> (planes)
  y = Transpose <perm = [0, 2, 3, 1]> (moved)
}}
"""

_CONV = """
  {x}_planes = Transpose <perm = [0, 3, 1, 2]> ({x})
  {kernel}_oihw = Transpose <perm = [3, 2, 0, 1]> ({kernel})
  {x}_sums = Conv <strides: ints = @strides, pads: ints = @pads> ({x}_planes, {kernel}_oihw)
  {sums} = Transpose <perm = [0, 2, 3, 1]> ({x}_sums)
"""

_CODES_TO_FLOAT = """
  a = Cast <to = 1> (codes)
  w = Cast <to = 1> (sign)
"""

_THRESHOLD = """
  last = Constant <value_ints = [-1]> ()
  rising = CastLike (directions, values)
  rising_column = Unsqueeze (rising, last)
  signed_values = Mul (values, rising_column)
  signed_sums = Mul (sums, rising)
  column = Unsqueeze (signed_sums, last)
  reached = GreaterOrEqual (column, signed_values)
  ones = Cast <to = 6> (reached)
  count = ReduceSum <keepdims = 0> (ones, last)
  y = Cast <to = 2> (count)
"""

_AFFINE = """
  scaled = Mul (sums, scale)
  y = Add (scaled, bias)
"""

_INTEGER_SUMS = _CODES_TO_FLOAT + _CONV.format(x="a", kernel="w", sums="exact") + "  sums = Cast <to = 6> (exact)\n"
_ROUNDED_SUMS = _CODES_TO_FLOAT + _CONV.format(x="a", kernel="w", sums="sums")
_FLOAT_SUMS = _CONV.format(x="x", kernel="kernel", sums="sums")

BODIES: dict[str, str] = {
    "SpaceToDepth": _MOVE.format(name="SpaceToDepth"),
    "DepthToSpace": _MOVE.format(name="DepthToSpace"),
    "MaxPool": """
MaxPool <kernel_shape, strides, pads> (x) => (y) {
  planes = Transpose <perm = [0, 3, 1, 2]> (x)
  largest = MaxPool <kernel_shape: ints = @kernel_shape, strides: ints = @strides, pads: ints = @pads> (planes)
  y = Transpose <perm = [0, 2, 3, 1]> (largest)
}
""",
    "AveragePool": """
AveragePool <kernel_shape, strides, pads, count_include_pad> (x) => (y) {
  planes = Transpose <perm = [0, 3, 1, 2]> (x)
  mean = AveragePool <kernel_shape: ints = @kernel_shape, strides: ints = @strides, pads: ints = @pads,
                      count_include_pad: int = @count_include_pad> (planes)
  y = Transpose <perm = [0, 2, 3, 1]> (mean)
}
""",
    "Affine": "Affine (sums, scale, bias) => (y) {" + _AFFINE + "}",
    "FloatThreshold": "FloatThreshold <bits, max_value> (sums, values, directions) => (y) {" + _THRESHOLD + "}",
    "Pad": """
Pad <pads> (x) => (y) {
  widths = Constant <value_ints: ints = @pads> ()
  y = Pad (x, widths)
}
""",
    "BinaryKernel": """
BinaryKernel (sign, scale) => (kernel) {
  narrow = Cast <to = 1> (scale)
  one = Cast <to = 1> (sign)
  kernel = Mul (one, narrow)
}
""",
    "Conv": "Conv <strides, pads> (x, kernel) => (sums) {" + _FLOAT_SUMS + "}",
    "QuantConv": "QuantConv <strides, pads> (codes, sign) => (sums) {" + _INTEGER_SUMS + "}",
    "Rescale": """
Rescale (sums, factor) => (y) {
  wide = Cast <to = 11> (sums)
  y = Mul (wide, factor)
}
""",
    "BatchNorm": """
BatchNorm <epsilon> (x, gamma, beta, mean, variance) => (y) {
  v = Cast <to = 11> (x)
  m = Cast <to = 11> (mean)
  s2 = Cast <to = 11> (variance)
  g = Cast <to = 11> (gamma)
  b = Cast <to = 11> (beta)
  small = Constant <value_float: float = @epsilon> ()
  eps = Cast <to = 11> (small)
  centred = Sub (v, m)
  spread2 = Add (s2, eps)
  spread = Sqrt (spread2)
  normal = Div (centred, spread)
  stretched = Mul (normal, g)
  y = Add (stretched, b)
}
""",
    "Quantize": """
Quantize <bits, max_value> (x) => (codes) {
  b = Cast <to = 11> (x)
  top = Constant <value_float: float = @max_value> ()
  max = Cast <to = 11> (top)
  width = Constant <value_int: int = @bits> ()
  exponent = Cast <to = 11> (width)
  zero = Constant <value = double {0.0}> ()
  half = Constant <value = double {0.5}> ()
  one = Constant <value = double {1.0}> ()
  two = Constant <value = double {2.0}> ()
  power = Pow (two, exponent)
  n = Sub (power, one)
  share = Div (b, max)
  position = Mul (share, n)
  shifted = Add (position, half)
  level = Floor (shifted)
  code = Clip (level, zero, n)
  codes = Cast <to = 2> (code)
}
""",
    "Dequantize": """
Dequantize <bits, max_value> (codes, table) => (y) {
  index = Cast <to = 6> (codes)
  y = Gather <axis = 0> (table, index)
}
""",
    "FloatConvThreshold": "FloatConvThreshold "
    + "<strides, pads, bits, max_value> (x, kernel, values, directions) => (y) {"
    + _FLOAT_SUMS
    + _THRESHOLD
    + "}",
    "QuantConvThreshold": "QuantConvThreshold "
    + "<strides, pads, bits, max_value> (codes, sign, values, directions) => (y) {"
    + _INTEGER_SUMS
    + _THRESHOLD
    + "}",
    "FloatConvAffine": "FloatConvAffine <strides, pads> (x, kernel, scale, bias) => (y) {"
    + _FLOAT_SUMS
    + _AFFINE
    + "}",
    "QuantConvAffine": "QuantConvAffine <strides, pads> (codes, sign, scale, bias) => (y) {"
    + _ROUNDED_SUMS
    + _AFFINE
    + "}",
}
