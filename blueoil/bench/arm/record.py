"""Record every instruction that the kernels of a built project execute in one run, under qemu's user emulator.

qemu logs each block of code when it is translated, and its address each time it runs. The objects of the project's own
build are linked once more, unstripped and at fixed addresses, with a small driver. What comes out is therefore the
code that the library has, loops unrolled, calls followed, spills included, and not what its sources suggest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blueoil.bench.arm.tools import Llvm, need
from blueoil.bench.run import run
from blueoil.errors import BlueoilError

DRIVER = Path(__file__).with_name("driver.c")
MARK = "dlk_bench_step"
EMULATOR_PACKAGES = {"arm": "qemu-user libc6-armhf-cross", "aarch64": "qemu-user libc6-arm64-cross", "x86": "qemu-user"}
X86_EMULATOR = ("qemu-x86_64", "-cpu", "max")  # no emulator is needed to run it, but one to record it

_SYMBOL = re.compile(r"^([0-9a-f]+) .{7} \S+\s+([0-9a-f]+) (?:\.hidden )?(\S+)$")
_CODE = re.compile(r"^\s*([0-9a-f]+):\s+(\S.*)$")


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of the network that writes codes, with the float steps before it: starts of blocks as they ran."""

    name: str
    blocks: list[int]


@dataclass(frozen=True, slots=True)
class Recording:
    """One run. text: instruction at an address; blocks: addresses of a block by its start."""

    program: Path
    text: dict[int, str]
    blocks: dict[int, tuple[int, ...]]
    segments: tuple[Segment, ...]

    def addresses(self, segment: Segment) -> Iterator[int]:
        """Yield the address of each instruction of a segment as it ran."""
        for start in segment.blocks:
            yield from self.blocks[start]


def record(project: Path, target_name: str, isa: str, llvm: Llvm) -> Recording:
    """Build ``project``, an emitted network, and record one run of an instruction set.

    Raises BlueoilError naming what is missing.
    """
    from dlk.build import build
    from dlk.build.toolchain import environment, zig
    from dlk.targets import TARGETS

    target = TARGETS[target_name]
    emulator = target.emulator or X86_EMULATOR
    need(emulator[0], EMULATOR_PACKAGES[target_name])
    build(project, target)
    objects = sorted(project.glob("build/CMakeFiles/dlk.dir/**/*.o"))
    program, log = project / "bench", project / "bench.log"
    command = [
        str(zig()), "cc", "-target", target.triple, f"-mcpu={target.cpu}", "-O2", f"-I{project / 'include'}",
        str(DRIVER), *map(str, objects), "-fno-PIE", "-no-pie", "-nostdlib++", "-o", str(program),
    ]  # fmt: skip
    run(command, env=environment())
    kernels, mark = _ranges(run([llvm.objdump, "-t", str(program)]), isa)
    ranges = f"{kernels.start:#x}..{kernels.stop - 1:#x},{mark:#x}+3"
    options = ["-d", "exec,nochain,in_asm", "-dfilter", ranges, "-D", str(log)]
    names = run([*emulator, *options, str(program)], env=os.environ | {"DLK_ISA": isa})
    with log.open(encoding="utf-8", errors="replace") as lines:
        blocks, runs = parse_log(lines, mark)
    log.unlink()
    segments = tuple(Segment(name, found) for name, found in zip([*names.split(), "end"], runs, strict=True))
    text = parse_code(run([llvm.objdump, "-d", "--no-show-raw-insn", str(program)]).splitlines())
    # qemu writes the bytes of a long x86 instruction in two lines, of which the second has no instruction
    return Recording(program, text, {at: tuple(a for a in b if a in text) for at, b in blocks.items()}, segments)


def _ranges(symbols: str, namespace: str) -> tuple[range, int]:
    """Return the addresses of the kernels, one namespace in one object, and of the mark."""
    found = [match for line in symbols.splitlines() if (match := _SYMBOL.match(line)) and " F .text" in line]
    spans = {match[3]: (int(match[1], 16), int(match[2], 16)) for match in found}
    kernels = [span for name, span in spans.items() if f"3dlk{len(namespace)}{namespace}" in name]
    if not kernels or MARK not in spans:
        raise BlueoilError("the program has no kernels", expected=f"functions of dlk::{namespace} and {MARK}")
    return range(min(at for at, _ in kernels), max(at + size for at, size in kernels)), spans[MARK][0]


def parse_log(lines: Iterable[str], mark: int) -> tuple[dict[int, tuple[int, ...]], list[list[int]]]:
    """Return each block's addresses, and the starts of the blocks that ran between two calls of the mark."""
    blocks: dict[int, tuple[int, ...]] = {}
    runs: list[list[int]] = []
    block: list[int] = []
    for line in lines:
        if line.startswith("0x"):
            block.append(int(line[: line.index(":")], 16))
            continue
        if block:
            blocks[block[0]] = tuple(block)
            block = []
        if line.startswith("Trace"):
            start = int(line.split("/")[1], 16)
            if start == mark:
                runs.append([])
            elif runs and start in blocks:
                runs[-1].append(start)
    return blocks, runs


def parse_code(lines: Iterable[str]) -> dict[int, str]:
    """Return the instruction at each address of a disassembly, without comments and symbols."""
    text = {}
    for line in lines:
        if match := _CODE.match(line):
            plain = re.sub(r"\s*(//|@|#\s|<).*", "", match[2])
            text[int(match[1], 16)] = " ".join(plain.split())
    return text
