"""Bodies of the quantizers in standard ONNX, for graphs that come without them: what a contract model carries.

Kernels are OIHW. ``sign(0)`` is +1 here; a kernel whose own quantizer says otherwise, and which holds a 0, is written
down as signs and scale (``dlk.BinaryKernel``).
"""

from __future__ import annotations

from functools import cache

import onnx
from onnx import parser

from dlk.ir.functions import BODIES
from dlk.ir.ops import DOMAIN, EXPORT_DOMAIN, OPSET

_SCALED = """{name} (w) => (kernel) {{
  size = Abs (w)
  {axes}
  scale = ReduceMean <keepdims = 1> ({of})
  nought = Constant <value_float = 0.0> ()
  up = GreaterOrEqual (w, nought)
  down = Neg (scale)
  kernel = Where (up, scale, down)
}}"""
_CHANNELS = "over = Constant <value_ints = [1, 2, 3]> ()"

_BODIES = {
    (EXPORT_DOMAIN, "BinaryMeanScalingQuantizer"): _SCALED.format(
        name="BinaryMeanScalingQuantizer", axes="", of="size"
    ),
    (EXPORT_DOMAIN, "BinaryChannelWiseMeanScalingQuantizer"): _SCALED.format(
        name="BinaryChannelWiseMeanScalingQuantizer", axes=_CHANNELS, of="size, over"
    ),
    (EXPORT_DOMAIN, "LinearMidTreadHalfQuantizer"): """LinearMidTreadHalfQuantizer <bits, max_value> (x) => (y) {
  top = Constant <value_float: float = @max_value> ()
  width = Constant <value_int: int = @bits> ()
  exponent = Cast <to = 1> (width)
  low = Constant <value_float = 0.0> ()
  half = Constant <value_float = 0.5> ()
  one = Constant <value_float = 1.0> ()
  base = Constant <value_float = 2.0> ()
  codes = Pow (base, exponent)
  n = Sub (codes, one)
  inside = Clip (x, low, top)
  share = Div (inside, top)
  place = Mul (share, n)
  raised = Add (place, half)
  code = Floor (raised)
  part = Div (code, n)
  y = Mul (part, top)
}""",
    (DOMAIN, "BinaryKernel"): BODIES["BinaryKernel"],
}


@cache
def _text(domain: str, name: str) -> bytes:
    text = f'<domain: "{domain}", opset_import: ["" : {OPSET}]>\n{_BODIES[domain, name].strip()}'
    return bytes(parser.parse_function(text).SerializeToString())


def body(domain: str, name: str) -> onnx.FunctionProto:
    """Return a fresh function of this name; ``KeyError`` where there is none."""
    return onnx.FunctionProto.FromString(_text(domain, name))
