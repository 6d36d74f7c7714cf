"""A ``model.onnx`` that the export wrote is in its own contract already; only its layers' codes must be found."""

from __future__ import annotations

import onnx
from onnx import helper

from dlk.errors import DlkError
from dlk.frontends.contract import Tap
from dlk.frontends.values import NCHW
from dlk.ir.codes import CodeType
from dlk.ir.edit import layer
from dlk.ir.ops import EXPORT_DOMAIN


def is_own(model: onnx.ModelProto) -> bool:
    """Return whether the model has our quantizers."""
    return any(function.domain == EXPORT_DOMAIN for function in model.functions)


def own(model: onnx.ModelProto, where: str) -> tuple[Tap, ...]:
    """Return where the codes of each layer are. Raises DlkError for a quantizer without its attributes."""
    taps = []
    for node in model.graph.node:
        if (node.domain, node.op_type) != (EXPORT_DOMAIN, "LinearMidTreadHalfQuantizer"):
            continue
        facts = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        if set(facts) != {"bits", "max_value"}:
            raise DlkError("a quantizer lacks bits or max_value", where=f"{where}, {node.name}")
        kind = CodeType(int(facts["bits"]), float(facts["max_value"]))
        taps.append(Tap(layer(node), node.output[0], NCHW, slice(None), kind))
    return tuple(taps)
