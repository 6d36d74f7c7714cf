"""What a tensor of codes is worth: the typed answer to "how many bits, and which value is the largest code"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from dlk.errors import InternalError
from dlk.ir.ops import CODES, identifier

_FIRST, _ALL = slice(0, 1), slice(None)
# Ops that take codes as they take values, op(table[codes]) = table[op(codes)], because a table ascends and begins with
# 0: what moves or joins values, pads with 0, or takes the largest. Each with its operands that are data.
COMMUTING: dict[str, slice] = {
    "dlk.SpaceToDepth": _FIRST,
    "dlk.DepthToSpace": _FIRST,
    "dlk.MaxPool": _FIRST,
    "dlk.Pad": _FIRST,
    "Concat": _ALL,
    "Split": _FIRST,
}
# The same in a graph as exported, where standard ops are NCHW.
EXPORTED_COMMUTING: dict[str, slice] = {
    **COMMUTING,
    "Transpose": _FIRST,
    "SpaceToDepth": _FIRST,
    "DepthToSpace": _FIRST,
    "MaxPool": _FIRST,
    "Pad": _FIRST,
}


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

    def codes(self, values: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Return the code of each value, rounded half up in float64, of the same shape."""
        position = values.astype(np.float64) / self.max_value * self.levels
        return np.clip(np.floor(position + 0.5), 0, self.levels).astype(np.uint8)

    def attributes(self) -> dict[str, int | float]:
        """Return the attributes by which a node carries this type."""
        return {"bits": self.bits, "max_value": self.max_value}


def node_code_type(node: ir.Node) -> CodeType:
    """Read the attributes ``bits`` and ``max_value`` of a node."""
    return CodeType(node.attributes["bits"].as_int(), node.attributes["max_value"].as_float())


def roots(value: ir.Value) -> list[ir.Value]:
    """Return the values of which this one is put together, through all ops that do not compute with them."""
    found: dict[ir.Value, None] = {}
    waiting, seen = [value], {value}
    while waiting:
        value = waiting.pop()
        node = value.producer()
        if node is None or identifier(node) not in EXPORTED_COMMUTING:
            found[value] = None
            continue
        data = dict.fromkeys(node.inputs[EXPORTED_COMMUTING[identifier(node)]])
        waiting.extend(part for part in reversed(data) if part not in seen)
        seen.update(data)
    return list(found)


def code_type(value: ir.Value) -> CodeType:
    """Return the type of a tensor of codes: that of the nodes that made it, which must be one."""
    makers = [root.producer() for root in roots(value)]
    if value.dtype != CODES or None in makers:
        raise InternalError("a tensor is read as codes that is none", where=value.name)
    kinds = {node_code_type(node) for node in makers}
    if len(kinds) != 1:
        raise InternalError("a tensor joins codes of different meaning", where=value.name)
    return kinds.pop()
