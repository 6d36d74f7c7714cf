"""Codes stay codes through every op that takes codes as it takes values."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes import PostconditionError

from dlk.errors import DlkError
from dlk.ir.codes import COMMUTING, node_code_type
from dlk.ir.edit import attributes_of, insert_before, insert_several, is_op, nodes, replace
from dlk.ir.ops import identifier
from dlk.passes.base import Rewrite


class SinkDequantize(Rewrite):
    """``Op(Dequantize(codes), ...)`` -> ``Dequantize(Op(codes, ...))``, until a convolution or the output reads it.

    The ops are those of ``COMMUTING``. What joins several tensors joins codes of one meaning; where a part of them is
    floats, they are joined as values.
    """

    name = "sink_dequantize"

    def rewrite(self, model: ir.Model) -> bool:
        """Swap in execution order, so that a chain of such ops is passed in one go."""
        modified = False
        for node in nodes(model, *COMMUTING):
            data = node.inputs[COMMUTING[identifier(node)]]
            if all(is_op(value, "dlk.Dequantize") for value in data):
                _sink(node, data)
                modified = True
        return modified

    def ensures(self, model: ir.Model) -> None:
        """Raise when such an op still reads values made from codes."""
        super().ensures(model)
        for node in nodes(model, *COMMUTING):
            data = node.inputs[COMMUTING[identifier(node)]]
            if all(is_op(value, "dlk.Dequantize") for value in data):
                raise PostconditionError(f"{node.name} still reads values instead of codes")


def _sink(node: ir.Node, data: tuple[ir.Value, ...]) -> None:
    dequantizers = [value.producer() for value in data]
    kinds = list(dict.fromkeys(node_code_type(dequantizer) for dequantizer in dequantizers))
    if len(kinds) != 1:
        raise DlkError(
            "codes of different meaning are joined",
            where=node.name,
            expected="one bit width and one max_value",
            received=", ".join(f"{kind.bits} bits of {kind.max_value}" for kind in kinds),
            fix="give the layers that are joined the same activation quantizer",
        )
    part = [""] if len(node.outputs) == 1 else [str(index) for index in range(len(node.outputs))]
    codes = insert_several(
        node,
        identifier(node),
        [*(dequantizer.inputs[0] for dequantizer in dequantizers), *node.inputs[len(data) :]],
        name=node.name,
        outputs=[f"{node.name}/codes{index}" for index in part],
        attributes=attributes_of(node),
    )
    table = dequantizers[0].inputs[1]
    for index, old, new in zip(part, node.outputs, codes, strict=True):
        name = f"{node.name}/dequantize{index}"
        replace(old, insert_before(node, "dlk.Dequantize", [new, table], name=name, attributes=kinds[0].attributes()))
