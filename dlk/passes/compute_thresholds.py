"""Normalisation and quantizer fold into thresholds of the convolution's own sum, found by evaluating the chain."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from dlk.ir.codes import code_type, node_code_type
from dlk.ir.edit import attributes_of, constant, insert_before, nodes, replace
from dlk.ir.ops import static_shape
from dlk.ir.semantics import Chain
from dlk.passes.base import Rewrite
from dlk.passes.exact import Directions, float_thresholds, integer_thresholds
from dlk.passes.patterns import Block, match_block

_OPS = {(True, True): "QuantConvThreshold", (True, False): "FloatConvThreshold", (False, False): "FloatThreshold"}


class ComputeThresholds(Rewrite):
    """``Quantize(BatchNorm([Rescale](conv)))`` -> ``QuantConvThreshold`` or ``FloatConvThreshold``.

    Where no convolution stands before the normalisation: ``Quantize(BatchNorm(x))`` -> ``FloatThreshold``.
    """

    name = "compute_thresholds"
    removes = frozenset({"dlk.Quantize"})

    def rewrite(self, model: ir.Model) -> bool:
        """Replace every quantizer and the layer that it ends."""
        quantizers = nodes(model, "dlk.Quantize")
        for quantize in quantizers:
            block = match_block(quantize.inputs[0])
            kind = node_code_type(quantize)
            values, directions = _thresholds(block, Chain(block.norm, kind))
            name = quantize.outputs[0].name
            codes = insert_before(
                quantize,
                f"dlk.{_OPS[block.conv is not None, block.integer]}",
                [
                    *(block.conv.inputs if block.conv is not None else [block.data]),
                    constant(model.graph, f"{block.name}/thresholds", values),
                    constant(model.graph, f"{block.name}/directions", directions),
                ],
                name=f"{block.name}/threshold",
                output=name,
                attributes={**(attributes_of(block.conv) if block.conv is not None else {}), **kind.attributes()},
            )
            replace(quantize.outputs[0], codes)
        return bool(quantizers)


def _thresholds(block: Block, chain: Chain) -> tuple[NDArray[np.generic], Directions]:
    if block.conv is None or not block.integer:
        return float_thresholds(chain)
    codes, sign = block.conv.inputs
    taps = math.prod(static_shape(sign)[:3])
    return integer_thresholds(chain, code_type(codes).levels * taps)
