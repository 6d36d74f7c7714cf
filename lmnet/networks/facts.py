"""What a network is made of: its blocks with their sizes, bits and multiply-adds."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import keras

from lmnet.layers import DepthToSpace, SpaceToDepth

FLOAT_BITS = 32
MOVING = (SpaceToDepth, DepthToSpace, keras.layers.Concatenate, keras.layers.MaxPooling2D, keras.layers.ZeroPadding2D)
"""Layers that compute no new values: what comes out has the bits of what went in."""


@dataclass(frozen=True, slots=True)
class Block:
    """The layers ``name``, ``name_bn`` and ``name_act``, or a layer that stands alone.

    Attributes:
        name: of the block.
        shape: height, width and channels of its output.
        weight_bits: of a weight of its kernel; None without a kernel.
        activation_bits: of a value of its output.
        parameters: trainable weights of its layers.
        macs: multiply-adds for one image, padding included.
        packed_bits: what all its weights take where kernels have their own bits and all else is float32.
    """

    name: str
    shape: tuple[int, ...]
    weight_bits: int | None
    activation_bits: int
    parameters: int
    macs: int
    packed_bits: int


def blocks(network: keras.Model) -> tuple[Block, ...]:
    """Return the blocks of a network of fixed image size, in the order of the data."""
    groups: dict[str, list[keras.layers.Layer]] = {}
    for layer in network.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            groups.setdefault(str(layer.name).removesuffix("_act").removesuffix("_bn"), []).append(layer)
    bits = {id(tensor): FLOAT_BITS for tensor in network.inputs}
    for layer in network.layers:
        bits[id(layer.output)] = _bits(layer, bits)
    return tuple(_block(name, layers, bits[id(layers[-1].output)]) for name, layers in groups.items())


def _bits(layer: keras.layers.Layer, known: dict[int, int]) -> int:
    """Return the bits of a layer's output, those of earlier outputs being known by their identity."""
    quantizer = getattr(layer, "quantizer", None)
    if quantizer is not None:
        return int(quantizer.bits)
    if isinstance(layer, MOVING):
        sources = layer.input if isinstance(layer.input, list) else [layer.input]
        return max(known[id(source)] for source in sources)
    return FLOAT_BITS


def _block(name: str, layers: list[keras.layers.Layer], activation_bits: int) -> Block:
    kernels = [layer for layer in layers if hasattr(layer, "kernel")]
    others = sum(_size(weight) for layer in layers for weight in layer.weights)
    others -= sum(_size(layer.kernel) for layer in kernels)
    return Block(
        name=name,
        shape=tuple(layers[-1].output.shape[1:]),
        weight_bits=max((_kernel_bits(layer) for layer in kernels), default=None),
        activation_bits=activation_bits,
        parameters=sum(_size(weight) for layer in layers for weight in layer.trainable_weights),
        # A kernel is multiplied once for each pixel of the output, as a matrix is for each row.
        macs=sum(_size(layer.kernel) * prod(layer.output.shape[1:-1]) for layer in kernels),
        packed_bits=sum(_size(layer.kernel) * _kernel_bits(layer) for layer in kernels) + others * FLOAT_BITS,
    )


def _kernel_bits(layer: Any) -> int:
    quantizer = getattr(layer, "kernel_quantizer", None)
    return FLOAT_BITS if quantizer is None else int(quantizer.bits)


def _size(weight: Any) -> int:
    return prod(weight.shape)
