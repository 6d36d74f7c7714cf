"""Codes stay codes through moves between space and depth, which do not look at what they move."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes import PostconditionError

from dlk.ir.codes import node_code_type
from dlk.ir.edit import insert_before, is_op, nodes, replace
from dlk.ir.ops import identifier
from dlk.passes.base import Rewrite

MOVES = ("dlk.SpaceToDepth", "dlk.DepthToSpace")


class SinkDequantize(Rewrite):
    """``Move(Dequantize(codes))`` -> ``Dequantize(Move(codes))``, until a convolution or the output reads it."""

    name = "sink_dequantize"

    def rewrite(self, model: ir.Model) -> bool:
        """Swap in execution order, so that a chain of moves is passed in one go."""
        modified = False
        for move in nodes(model, *MOVES):
            if not is_op(move.inputs[0], "dlk.Dequantize"):
                continue
            dequantize = move.inputs[0].producer()
            codes, table = dequantize.inputs
            block = {"blocksize": move.attributes["blocksize"].as_int()}
            moved = insert_before(
                move, identifier(move), [codes], name=move.name, output=f"{move.name}/codes", attributes=block
            )
            values = insert_before(
                move,
                "dlk.Dequantize",
                [moved, table],
                name=f"{move.name}/dequantize",
                attributes=node_code_type(dequantize).attributes(),
            )
            replace(move.outputs[0], values)
            modified = True
        return modified

    def ensures(self, model: ir.Model) -> None:
        """Raise when a move still reads values made from codes."""
        super().ensures(model)
        for move in nodes(model, *MOVES):
            if is_op(move.inputs[0], "dlk.Dequantize"):
                raise PostconditionError(f"{move.name} still moves values instead of codes")
