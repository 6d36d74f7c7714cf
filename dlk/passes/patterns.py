"""The pattern of layers: a convolution, for integer sums a factor, batch normalisation; or that alone, of floats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from dlk.errors import InternalError
from dlk.ir.edit import array, is_op, layer, only_consumer
from dlk.ir.ops import FLOAT
from dlk.ir.semantics import Norm


@dataclass(frozen=True, slots=True)
class Block:
    """A layer up to its normalisation; ``integer`` tells whether its sums are integers.

    conv: None where floats are normalised that no convolution has made, which are then ``data``.
    """

    name: str
    data: ir.Value
    conv: ir.Node | None
    norm: Norm
    integer: bool


def match_block(normal: ir.Value) -> Block:
    """Return the layer whose normalised result this is; ``InternalError`` when it is none, or read by others too."""
    if not is_op(normal, "dlk.BatchNorm") or only_consumer(normal) is None:
        raise InternalError("a quantizer or the output does not follow a normalisation of its own", where=normal.name)
    batch_norm = normal.producer()
    data = batch_norm.inputs[0]
    factor = None
    if is_op(data, "dlk.Rescale"):
        _own(data)
        data, factors = data.producer().inputs
        factor = array(factors).astype(np.float64)
    kind = "dlk.Conv" if factor is None else "dlk.QuantConv"
    conv = _own(data).producer() if is_op(data, kind) else None
    if conv is None and (factor is not None or data.dtype != FLOAT):
        raise InternalError(f"the normalisation does not follow a {kind}", where=batch_norm.name)
    gamma, beta, mean, variance = (array(value).astype(np.float64) for value in batch_norm.inputs[1:])
    epsilon = batch_norm.attributes["epsilon"].as_float()
    norm = Norm(gamma=gamma, beta=beta, mean=mean, variance=variance, epsilon=epsilon, factor=factor)
    return Block(name=layer(batch_norm), data=data, conv=conv, norm=norm, integer=factor is not None)


def _own(value: ir.Value) -> ir.Value:
    if only_consumer(value) is None:
        raise InternalError("a value inside a layer is read by others too", where=value.name)
    return value
