"""Weight quantizers of constant kernels become the signs and the scale that they stand for."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from dlk.ir.edit import array, constant, insert_before, layer, nodes, replace
from dlk.ir.ops import EXPORT_DOMAIN
from dlk.ir.semantics import mean_magnitude
from dlk.passes.base import Rewrite

PER_TENSOR = f"{EXPORT_DOMAIN}.BinaryMeanScalingQuantizer"
PER_CHANNEL = f"{EXPORT_DOMAIN}.BinaryChannelWiseMeanScalingQuantizer"


class BinarizeWeights(Rewrite):
    """``quantizer(w)`` -> ``BinaryKernel(sign int8 OIHW, scale float64 [O, 1, 1, 1])``; the sign of 0 is +1."""

    name = "binarize_weights"
    removes = frozenset({PER_TENSOR, PER_CHANNEL})

    def rewrite(self, model: ir.Model) -> bool:
        """Replace every weight quantizer."""
        quantizers = nodes(model, *self.removes)
        for node in quantizers:
            weights = array(node.inputs[0])
            per_channel = node.op_type == "BinaryChannelWiseMeanScalingQuantizer"
            sign = np.where(weights >= 0, 1, -1).astype(np.int8)
            name = layer(node)
            kernel = insert_before(
                node,
                "dlk.BinaryKernel",
                [
                    constant(model.graph, f"{name}/sign", sign),
                    constant(model.graph, f"{name}/scale", _scales(weights, per_channel=per_channel)),
                ],
                name=f"{name}/binary_kernel",
            )
            replace(node.outputs[0], kernel)
        return bool(quantizers)


def _scales(weights: NDArray[np.generic], *, per_channel: bool) -> NDArray[np.float64]:
    outputs = len(weights)
    scales = [mean_magnitude(kernel) for kernel in weights] if per_channel else [mean_magnitude(weights)] * outputs
    return np.array(scales, dtype=np.float64).reshape(outputs, 1, 1, 1)
