"""What an instruction is for, told by the chain of inlined functions that the debug information names for it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from blueoil.bench.arm.tools import Llvm
from blueoil.bench.run import run

# The first row whose word occurs in the chain of functions decides. The words are names in dlk/runtime/kernels.
PHASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("taps", ("write_taps",)),
    ("leaf", ("::count(", "count<", "add_inputs")),
    ("merge", ("sum_to_memory", "sum_in_registers", "::sum(", "add_slots")),
    ("compare", ("::write<", "write_affine", "twice_minus")),
    ("pixels", ("store_pixels",)),
    ("float conv", ("float_conv", "write_float_taps")),
    ("moves", ("space_to_depth", "depth_to_space")),
)
OTHER = "other"


def phase_of(functions: Iterable[str]) -> str:
    """Return the phase of an instruction from the names of the functions that it was inlined into."""
    chain = list(functions)
    for phase, words in PHASES:
        if any(word in name for name in chain for word in words):
            return phase
    return OTHER


def phases(program: Path, addresses: Iterable[int], llvm: Llvm) -> dict[int, str]:
    """Return the phase of each address of a program that has debug information."""
    wanted = sorted(set(addresses))
    told = run(
        [llvm.symbolizer, f"--obj={program}", "--output-style=JSON", "--functions=linkage"],
        given="\n".join(hex(address) for address in wanted) + "\n",
    )
    found = {}
    for address, line in zip(wanted, told.splitlines(), strict=True):
        symbols = json.loads(line).get("Symbol", [])
        found[address] = phase_of(symbol.get("FunctionName", "") for symbol in symbols)
    return found
