"""What a tensor of codes is worth: the typed answer to "how many bits, and which value is the largest code"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from dlk.errors import InternalError
from dlk.ir.ops import CODES, identifier

MOVES = frozenset({"dlk.SpaceToDepth", "dlk.DepthToSpace", "SpaceToDepth", "DepthToSpace"})


@dataclass(frozen=True, slots=True)
class CodeType:
    """Codes 0..n of ``bits`` bits; code ``a`` is the value a * max_value / n."""

    bits: int
    max_value: float

    @property
    def levels(self) -> int:
        """Return n, the largest code: 2^bits - 1."""
        return (1 << self.bits) - 1

    def values(self) -> NDArray[np.float32]:
        """Return the value of every code, float32 [n + 1], computed in float64 and rounded once."""
        return (np.arange(self.levels + 1, dtype=np.float64) * self.max_value / self.levels).astype(np.float32)

    def attributes(self) -> dict[str, int | float]:
        """Return the attributes by which a node carries this type."""
        return {"bits": self.bits, "max_value": self.max_value}


def node_code_type(node: ir.Node) -> CodeType:
    """Read the attributes ``bits`` and ``max_value`` of a node."""
    return CodeType(node.attributes["bits"].as_int(), node.attributes["max_value"].as_float())


def code_type(value: ir.Value) -> CodeType:
    """Return the type of a tensor of codes: that of the node that made it, through moves between space and depth."""
    node = value.producer()
    while node is not None and identifier(node) in MOVES:
        value = node.inputs[0]
        node = value.producer()
    if node is None or value.dtype != CODES:
        raise InternalError("a tensor is read as codes that is none", where=value.name)
    return node_code_type(node)
