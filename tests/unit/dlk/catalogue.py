"""Many programs with kernels that are compiled once.

A kernel is a template; what takes long to compile is the file of each instruction set, which lists the kernels of the
program's steps. Here that list is a catalogue of all kernels that a test needs, and a further program has a small table
of which kernel of the catalogue runs which of its steps. All else is as emitted: its constants, its network, the
runtime.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cmake
import numpy as np
from numpy.typing import NDArray

import dlk.build
from dlk.build.toolchain import environment
from dlk.codegen import emit
from dlk.lowering.class_lists import TreeShape, class_sizes, sign_bits, signs_per_channel, tree_shape
from dlk.lowering.program import Program
from dlk.targets import Target

Build = Callable[[Path, Target], Path]

# Planes of every sum of a tree, by bits of an input and signs of a weight: deep and shallow trees, room for 1000 inputs
# of one output; 17 planes of a sum take another way to floats than 16.
WIDTHS: Mapping[tuple[int, int], tuple[int, ...]] = {
    (1, 1): (10,) * 4,
    (2, 1): (12,) * 3,
    (3, 1): (13,) * 2,
    (4, 1): (16,),
    (1, 2): (10,) * 2,
    (2, 2): (12,) * 4,
    (3, 2): (13,) * 2,
    (4, 2): (16,) * 2,
}

_STEPS = re.compile(r"const StepKernel kSteps\[\] = {\n(.*?)};\n", re.DOTALL)
_KERNEL = re.compile(r"kernel<.*>\(\)(?=,  //)")


def roomy_tree(weights: NDArray[np.int8], bits: int, levels_out: int) -> TreeShape:
    """Take the place of ``choose_tree``: few kernels that serve all weights; only the lists' length is the weights'."""
    signs = signs_per_channel(weights)
    widths = WIDTHS[bits, signs]
    fitted = tree_shape(class_sizes(sign_bits(weights), len(widths) - 1), bits, signs)
    assert all(need <= room for need, room in zip(fitted.widths, widths, strict=True))
    return replace(fitted, widths=widths)


def present(target: Target) -> Target:
    """Return the x86 target with those instruction sets only that this machine has."""
    needed = {"avx2": " avx2 ", "avx512": " avx512vl "}
    flags = Path("/proc/cpuinfo").read_text()
    return replace(target, isas=tuple(isa for isa in target.isas if needed.get(isa.name, "") in flags))


class Catalogue:
    """The kernels of some programs, compiled; builds any program that needs no others."""

    def __init__(self, folder: Path, target: Target, programs: Iterable[Program], build: Build = dlk.build.build):
        """Compile. build: makes the library of a project in its folder ``build``, as ``dlk.build.build`` does."""
        self.tree, self.target = folder / "tree", target
        self._emitted = folder / "emitted"
        self._count = 0
        kernels: dict[str, None] = {}
        for program in programs:
            emit(program, self._emitted, target)
            kernels |= dict.fromkeys(self._kernels())
        self._numbers = {kernel: number for number, kernel in enumerate(kernels)}
        shutil.copytree(self._emitted, self.tree)
        for isa in target.isas:
            path = self.tree / f"generated/isa_{isa.name}.cpp"
            lines = "".join(f"    {kernel},\n" for kernel in kernels)
            text = _STEPS.sub(lambda found: found[0].replace(found[1], lines), path.read_text())  # noqa: B023
            path.write_text(text.replace("kIsa_", "kCatalogue_"))
        lists = self.tree / "CMakeLists.txt"
        lists.write_text(
            lists.read_text().replace("generated/network.cpp)", "generated/network.cpp generated/table.cpp)")
        )
        self._take_over()
        self._library = build(self.tree, target)

    def build(self, program: Program) -> Path:
        """Return the library of the program, in a file of its own, since a loaded one must not change."""
        emit(program, self._emitted, self.target)
        self._take_over()
        command = [Path(cmake.CMAKE_BIN_DIR) / "cmake", "--build", self.tree / "build", "--target", "dlk"]
        built = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
        assert built.returncode == 0, built.stdout
        self._count += 1
        library = self.tree.parent / f"{self._count}" / self._library.name
        library.parent.mkdir()
        shutil.copyfile(self._library, library)
        return library

    @property
    def trace_program(self) -> Path:
        """The driver that writes every layer's codes."""
        return self._library.parent / "dlk_trace"

    def _kernels(self) -> Sequence[str]:
        """Return the kernels of the emitted program's steps; they are the same for all instruction sets."""
        path = self._emitted / f"generated/isa_{self.target.isas[0].name}.cpp"
        found = _STEPS.search(path.read_text())
        assert found is not None
        return _KERNEL.findall(found[1])

    def _take_over(self) -> None:
        """Put into the tree what belongs to the emitted program alone."""
        for name in ("network.cpp", "constants.h", "constants.cpp", "facts.cpp"):
            shutil.copyfile(self._emitted / "generated" / name, self.tree / "generated" / name)
        numbers = [self._numbers[kernel] for kernel in self._kernels()]
        lines = ['#include "../src/isa.h"', '#include "../src/model.h"', "namespace dlk {"]
        for isa in self.target.isas:
            steps = ", ".join(f"kCatalogue_{isa.name}.steps[{number}]" for number in numbers)
            lines += [
                f"extern const Isa kCatalogue_{isa.name};",
                f"static const StepKernel kSteps_{isa.name}[] = {{{steps}}};",
                f"extern const Isa kIsa_{isa.name} = {{.name = kCatalogue_{isa.name}.name,",
                f".level = kCatalogue_{isa.name}.level,",
                f".import = kCatalogue_{isa.name}.import, .steps = kSteps_{isa.name},",
                f".roofline = kCatalogue_{isa.name}.roofline}};",
            ]
        (self.tree / "generated/table.cpp").write_text("\n".join([*lines, "}", ""]))
