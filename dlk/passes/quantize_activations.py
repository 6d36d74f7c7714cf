"""Activation quantizers become what they are: codes, and the values of codes."""

from __future__ import annotations

import onnx_ir as ir

from dlk.ir.codes import node_code_type
from dlk.ir.edit import constant, insert_before, layer, nodes, replace
from dlk.ir.ops import EXPORT_DOMAIN
from dlk.passes.base import Rewrite

QUANTIZER = f"{EXPORT_DOMAIN}.LinearMidTreadHalfQuantizer"


class QuantizeActivations(Rewrite):
    """``quantizer(x)`` -> ``Dequantize(Quantize(x))``: uint8 codes, then float32 values from a table."""

    name = "quantize_activations"
    removes = frozenset({QUANTIZER})

    def rewrite(self, model: ir.Model) -> bool:
        """Replace every activation quantizer."""
        quantizers = nodes(model, QUANTIZER)
        for node in quantizers:
            name = layer(node)
            kind = node_code_type(node)
            codes = insert_before(
                node,
                "dlk.Quantize",
                [node.inputs[0]],
                name=f"{name}/quantize",
                output=f"{name}/codes",
                attributes=kind.attributes(),
            )
            values = insert_before(
                node,
                "dlk.Dequantize",
                [codes, constant(model.graph, f"{name}/values", kind.values())],
                name=f"{name}/dequantize",
                attributes=kind.attributes(),
            )
            replace(node.outputs[0], values)
        return bool(quantizers)
