"""From the quantized part of a program to what the original project's accelerator ("TCA") is told: one convolution
after the other, each by a set of registers; its kernels and thresholds stand in memory, the processor moves the pixels.

**Never run**: no board and no bitstream were at hand. What is assumed of the registers: ``tca_registers``; of the rest:

* A kernel is [output group][input group][row][column][32 outputs], a word of 32 bits each: bit i is input 32 * group +
  i, and set where the weight is -1. Inputs and outputs that do not exist have weight -1.
* Thresholds are int16 [channels][4]: three and a flag, +1 or -1. Flag +1: the code is how many of them the sum reaches
  (S >= t); -1: how many it does not exceed (S <= t). Channels that do not exist have ones.
* Sums are int16 [group][y][x][32]; codes lie as our own accelerator's, and input and output never share a place.
* The buffers of u-dma-buf stand in for the places of input and output where the kernel has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlk.hw.layout import BYTES, CHANNELS, THRESHOLD_WORDS, groups_of, pack_pass
from dlk.hw.limits import Move, misfits_of
from dlk.lowering.program import DepthToSpace, Program, QuantConv, SpaceToDepth, Tensor, Thresholds
from dlk.lowering.quantized_part import Link, quantized_part
from dlk.lowering.tca_limits import LIMITS, reachable_thresholds
from dlk.lowering.tca_registers import REGISTERS, registers

SUM_BYTES = 2
_MOVES: dict[type[Move], str] = {SpaceToDepth: "space_to_depth", DepthToSpace: "depth_to_space"}
_HARDWARE = 0x20000000


@dataclass(frozen=True, slots=True)
class Place:
    """A fixed place in memory. address: physical; capacity: bytes up to the next place, or the end of the memory.

    register: the number of the one that tells where a layer's part begins. module: the buffer of u-dma-buf that stands
    in for the place. size: bytes that a network needs.
    """

    name: str
    register: int
    address: int
    capacity: int
    module: str = ""
    size: int = 0


PLACES = (
    Place("input", REGISTERS.index("adma_input_address"), _HARDWARE, 0x08000000, "udmabuf0"),
    Place("output", REGISTERS.index("fdma_output_address"), _HARDWARE + 0x08000000, 0x10000000, "udmabuf1"),
    Place("kernels", REGISTERS.index("wdma_start_address"), _HARDWARE + 0x18000000, 0x07000000),
    Place("thresholds", REGISTERS.index("qdma_start_address"), _HARDWARE + 0x1F000000, 0x01000000),
)


@dataclass(frozen=True, slots=True)
class TcaLayer:
    """One convolution. registers: words by name, in order; move: how its input comes from what was made before."""

    name: str
    registers: dict[str, int]
    move: str
    source: Tensor
    result: Tensor


@dataclass(frozen=True, slots=True)
class TcaPlan:
    """How the accelerator executes a network, or why it can't. kernels, thresholds: uint64, of all layers."""

    misfits: tuple[str, ...] = ()
    layers: tuple[TcaLayer, ...] = ()
    places: tuple[Place, ...] = ()
    kernels: NDArray[np.uint64] | None = None
    thresholds: NDArray[np.uint64] | None = None


def tca_plan(program: Program) -> TcaPlan:
    """Return the plan of a program that fits our own accelerator. Raises MisfitError for one that does not."""
    links = quantized_part(program).links
    misfits = [str(misfit) for link in links for misfit in misfits_of(link.layer, LIMITS)]
    if misfits:
        return TcaPlan(tuple(misfits))
    kernels = [pack_kernels(link.layer.step.weights) for link in links]
    thresholds = [pack_thresholds(link.layer.step) for link in links]
    layers = tuple(map(_layer, links, _begins(kernels), _begins(thresholds)))
    sizes = (
        max(_code_bytes(layer.source) for layer in layers),
        max(_result_bytes(layer.result) for layer in layers),
        sum(words.nbytes for words in kernels),
        sum(words.nbytes for words in thresholds),
    )
    places = tuple(
        Place(p.name, p.register, p.address, p.capacity, p.module, size) for p, size in zip(PLACES, sizes, strict=True)
    )
    crowded = [f"{p.size} bytes of {p.name} (at most {p.capacity})" for p in places if p.size > p.capacity]
    if crowded:
        return TcaPlan(tuple(crowded))
    return TcaPlan((), layers, places, np.concatenate(kernels), np.concatenate(thresholds))


def pack_kernels(weights: NDArray[np.int8]) -> NDArray[np.uint64]:
    """Return the words of a kernel [kh, kw, inputs, outputs] of -1 and +1: ours, with every bit inverted."""
    outputs = weights.shape[3]
    passes = [pack_pass(weights[..., first : first + CHANNELS], None) for first in range(0, outputs, CHANNELS)]
    return ~np.concatenate([words[THRESHOLD_WORDS:] for words in passes])


def pack_thresholds(step: QuantConv) -> NDArray[np.uint64]:
    """Return a word for each output channel, up to a whole group; ones where there are no thresholds."""
    outputs = step.weights.shape[3]
    rows = np.ones((groups_of(outputs) * CHANNELS, 4), "<i2")
    if isinstance(step.epilogue, Thresholds):
        rows[:outputs, :3] = reachable_thresholds(step)
        rows[:outputs, 3] = step.epilogue.directions
    return rows.view("<u8")[:, 0].astype(np.uint64)


def _layer(link: Link, kernels: int, thresholds: int) -> TcaLayer:
    layer = link.layer
    move = _MOVES[type(link.move)] if link.move else "copy"
    return TcaLayer(layer.step.name, registers(layer, kernels, thresholds), move, layer.source, layer.result)


def _begins(parts: Sequence[NDArray[np.uint64]]) -> list[int]:
    """Return where each part begins, bytes, when they stand one behind the other."""
    ends = np.cumsum([part.nbytes for part in parts])
    return [0, *ends[:-1].tolist()]


def _code_bytes(tensor: Tensor) -> int:
    height, width, channels = tensor.shape
    return groups_of(channels) * height * width * BYTES


def _result_bytes(tensor: Tensor) -> int:
    return _code_bytes(tensor) if tensor.bits else _code_bytes(tensor) // BYTES * CHANNELS * SUM_BYTES
