"""The normalisation of a layer without quantizer folds into one multiplication and one addition in float32."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dlk.errors import DlkError
from dlk.ir.edit import attributes_of, constant, insert_before, nodes, replace
from dlk.ir.semantics import storable
from dlk.passes.base import Rewrite
from dlk.passes.patterns import Block, match_block

_OPS = {(True, True): "QuantConvAffine", (True, False): "FloatConvAffine", (False, False): "Affine"}


class FoldAffine(Rewrite):
    """``Cast(BatchNorm([Rescale](conv)))`` -> ``QuantConvAffine`` or ``FloatConvAffine``; A and B are rounded once.

    Where no convolution stands before the normalisation: ``Cast(BatchNorm(x))`` -> ``Affine``.
    """

    name = "fold_affine"
    removes = frozenset({"Cast", "dlk.BatchNorm", "dlk.Rescale", "dlk.Conv", "dlk.QuantConv"})

    def rewrite(self, model: ir.Model) -> bool:
        """Replace every cast and the layer that it ends."""
        casts = nodes(model, "Cast")
        for cast in casts:
            block = match_block(cast.inputs[0])
            scale, bias = (storable(values) for values in block.norm.affine())
            _need_finite(block, scale, bias)
            logits = insert_before(
                cast,
                f"dlk.{_OPS[block.conv is not None, block.integer]}",
                [
                    *(block.conv.inputs if block.conv is not None else [block.data]),
                    constant(model.graph, f"{block.name}/a", scale),
                    constant(model.graph, f"{block.name}/b", bias),
                ],
                name=f"{block.name}/affine",
                attributes=attributes_of(block.conv) if block.conv is not None else {},
            )
            replace(cast.outputs[0], logits)
        return bool(casts)


def _need_finite(block: Block, *constants: np.ndarray) -> None:
    if not all(np.all(np.isfinite(values)) for values in constants):
        raise DlkError(
            "the normalisation of a layer is too large for float32",
            where=block.name,
            expected="gamma / sqrt(variance + epsilon) within the range of float32",
            fix="train again; a learning rate that is too high makes such weights",
        )
