"""The kernels of float convolutions become the very float32 numbers that the library will hold."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dlk.ir.edit import array, constant, is_op, layer, nodes
from dlk.ir.semantics import storable
from dlk.passes.base import Rewrite


class FreezeFloatKernels(Rewrite):
    """A binary kernel on float data becomes float32(sign * float32(scale)); subnormal weights become 0, -0 is +0."""

    name = "freeze_float_kernels"
    removes = frozenset({"dlk.BinaryKernel"})

    def rewrite(self, model: ir.Model) -> bool:
        """Store one float32 initializer for each float convolution."""
        convolutions = nodes(model, "dlk.Conv")
        for conv in convolutions:
            kernel = conv.inputs[1]
            if is_op(kernel, "dlk.BinaryKernel"):
                sign, scale = (array(value) for value in kernel.producer().inputs)
                weights = sign.astype(np.float32) * scale.astype(np.float32)
            else:
                weights = array(kernel)
            conv.replace_input_with(1, constant(model.graph, f"{layer(conv)}/float_kernel", storable(weights)))
        return bool(convolutions)
