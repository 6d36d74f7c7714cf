"""The cache question: what the layer of K = 2304 costs a tile with its data kept in several ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blueoil.bench.arm.accesses import Layout, Lists, class_lists, tile
from blueoil.bench.arm.cache import SHAPES, Cores, stalls, stalls_with_prefetch

if TYPE_CHECKING:
    from blueoil.bench.arm.estimate import Cost
    from dlk.lowering.program import QuantConv


@dataclass(frozen=True, slots=True)
class Way:
    """One way to keep the data.

    added: cycles of each input of each group more than the kernels take, which prefetch (a prefetch: its entry and the
    PLD; an inversion: half of the inputs, two planes); adders: full adders against the tree of all inputs (docs/arm.md:
    4 trees of K = 576).
    """

    name: str
    layout: Layout
    prefetch: bool = True
    added: float = 0.0
    adders: float = 1.0


WAYS: tuple[Way, ...] = (
    Way("u16 lists, complements, prefetch: as it is", Layout(2, complements=True)),
    Way("the same without prefetch", Layout(2, complements=True), prefetch=False, added=-1.0),
    Way("u32 lists, complements, prefetch", Layout(4, complements=True)),
    Way("u32 lists, complements", Layout(4, complements=True), prefetch=False, added=-1.0),
    Way("u16 lists, no complements, prefetch", Layout(2, complements=False), added=1.0),
    Way("u16 lists, no complements", Layout(2, complements=False), prefetch=False),
    Way("u16 lists, blocks of 64 channels", Layout(2, complements=True, block=576), False, -1.0, 4 * 251 / 778),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Cycles of one tile. hit_rate: of line accesses to L1."""

    core: str
    cores: int
    way: str
    hit_rate: float
    l1_misses: int
    l2_misses: int
    computing: float
    stalled: float

    @property
    def cycles(self) -> float:
        """Computing and stalled together."""
        return self.computing + self.stalled


NOW, PLAIN = WAYS[0], WAYS[1]


def lists_of(step: QuantConv) -> Lists:
    """Return the class lists of a convolution with 2-bit inputs and outputs."""
    from dlk.lowering.class_lists import choose_tree

    tree = choose_tree(step.weights, 2, 3)
    return class_lists(step.weights, tree.depth, tree.widths)


def judge(lists: Lists, core: str, computing: float, *, cores: int, ways: Sequence[Way] = WAYS) -> list[Verdict]:
    """Judge each way on a core that computes ``computing`` cycles a tile; the second tile counts, with warm caches."""
    shape = SHAPES[core]
    found = []
    for way in ways:
        caches = Cores(shape, cores)
        caches.run(tile(lists, way.layout))
        counts = caches.run(tile(lists, way.layout))
        compute = computing * way.adders + way.added * lists.inputs * len(lists.groups)
        lost = stalls_with_prefetch(counts, shape, compute) if way.prefetch else stalls(counts, shape)
        rate = 1 - counts.l1_misses / counts.accesses
        found.append(Verdict(shape.name, cores, way.name, rate, counts.l1_misses, counts.l2_misses, compute, lost))
    return found


def image_cycles(found: Sequence[Cost], steps: Mapping[str, QuantConv], core: str, *, cores: int, way: Way) -> float:
    """Return the cycles of one image with the caches: quantized convolutions kept in this way, the rest as it is."""
    total = 0.0
    for cost in found:
        if cost.layer is None:
            total += cost.total * cost.scale
            continue
        computing = cost.total / cost.layer.recorded_tiles
        (verdict,) = judge(lists_of(steps[cost.name]), core, computing, cores=cores, ways=[way])
        total += verdict.cycles * cost.layer.tiles
    return total
