"""How much memory a running network takes, by what it is for: the pieces that runtime/src/prepare.cpp lays out."""

from __future__ import annotations

from dataclasses import dataclass

from dlk.codegen.parameters import Parameters
from dlk.lowering.class_lists import TreeShape
from dlk.lowering.layout import Layout

_ENTRIES_AHEAD = 16  # kEntriesAhead of runtime/src/model.h


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes. tensors: of the arena; unshared: what they would take if each had a place of its own; lists: the class
    lists and the constants of comparisons; scratch: of each thread; device: of the accelerator's memory.
    """

    tensors: int
    unshared: int
    lists: int
    scratch: int
    device: int = 0

    @property
    def total(self) -> int:
        """Return the bytes on one thread, without the accelerator's."""
        return self.tensors + self.lists + self.scratch

    def words(self) -> str:
        """Return one line for a person."""
        tensors, unshared, lists, scratch = (_mib(n) for n in (self.tensors, self.unshared, self.lists, self.scratch))
        device = f", {_mib(self.device)} for the accelerator" if self.device else ""
        words = f"{tensors} for tensors ({unshared} without reuse), {lists} for lists, {scratch} of scratch a thread"
        return words + device


def memory_use(numbers: Parameters) -> MemoryUse:
    """Return what a network with these parameters takes; scratch is for the widest vectors that they were made for."""
    layouts = list(numbers.arena.layouts.values())
    lists = sum(_list_bytes(step.tree, layouts[step.output]) for step in numbers.steps if step.tree is not None)
    scratch = max(step.scratch_bytes for step in numbers.steps)
    device = sum(step.accelerated.size for step in numbers.steps if step.accelerated is not None)
    return MemoryUse(numbers.arena.size, numbers.arena.unshared, lists, scratch, device)


def _list_bytes(tree: TreeShape, output: Layout) -> int:
    """Return the bytes of ConvLists for one quantized convolution, as lay_out_lists takes them."""
    levels = (1 << output.bits) - 1
    groups = -(-output.channels * tree.signs // (tree.depth + 1))
    entries = 2 * (tree.entries + _ENTRIES_AHEAD) + 4 * groups + 2 * (groups << tree.depth)
    masks = levels * (tree.widths[-1] + 1) + 1
    return entries + output.channels * (4 + 8 * masks)


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.2f} MiB"
