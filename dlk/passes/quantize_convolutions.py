"""A convolution of codes with binary weights becomes an exact integer sum, and one factor per channel."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes import PostconditionError

from dlk.ir.codes import code_type
from dlk.ir.edit import array, attributes_of, constant, insert_before, is_op, layer, nodes, replace
from dlk.passes.base import Rewrite


class QuantizeConvolutions(Rewrite):
    """``Conv(Dequantize(codes), BinaryKernel(sign, scale))`` -> ``Rescale(QuantConv(codes, sign), factor)``.

    factor = scale * (max_in / n_in), float64, the quotient first; the result is float64 from here on.
    """

    name = "quantize_convolutions"

    def rewrite(self, model: ir.Model) -> bool:
        """Replace every convolution whose data are codes and whose kernel is binary."""
        modified = False
        for conv in nodes(model, "dlk.Conv"):
            if not _quantized(conv):
                continue
            codes = conv.inputs[0].producer().inputs[0]
            sign, scale = conv.inputs[1].producer().inputs
            kind = code_type(codes)
            factor = array(scale).reshape(-1) * (kind.max_value / kind.levels)
            sums = insert_before(conv, "dlk.QuantConv", [codes, sign], name=conv.name, attributes=attributes_of(conv))
            rescaled = insert_before(
                conv,
                "dlk.Rescale",
                [sums, constant(model.graph, f"{layer(conv)}/factor", factor)],
                name=f"{layer(conv)}/rescale",
            )
            replace(conv.outputs[0], rescaled)
            modified = True
        return modified

    def ensures(self, model: ir.Model) -> None:
        """Raise when a convolution of codes with binary weights still computes in float."""
        super().ensures(model)
        for conv in nodes(model, "dlk.Conv"):
            if _quantized(conv):
                raise PostconditionError(f"{conv.name} still computes with values instead of codes")


def _quantized(conv: ir.Node) -> bool:
    return is_op(conv.inputs[0], "dlk.Dequantize") and is_op(conv.inputs[1], "dlk.BinaryKernel")
