"""What a library is built for: triple, instruction sets, emulator; data only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Isa:
    """One instruction set that a library carries.

    name: as in DLK_ISA; cpu: the compiler's ``-mcpu``; lanes: 64-bit words in one vector; level: what the machine must
    be, a constant of runtime/src/isa.h; prefetch: the kernels ask for taps ahead of their use.
    """

    name: str
    cpu: str
    lanes: int
    level: str = "kBaseline"
    prefetch: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """One library: its file, the compiler's triple and baseline CPU, and its ISAs from plain to best.

    emulator: the command that runs a program of this target on another machine, sysroot included; empty when native.
    accelerated: quantized layers run on an accelerator, which not every network fits.
    """

    name: str
    library: str
    triple: str
    cpu: str
    isas: tuple[Isa, ...]
    emulator: tuple[str, ...] = ()
    accelerated: bool = False


_QEMU_ARM = ("qemu-arm", "-cpu", "cortex-a9", "-L", "/usr/arm-linux-gnueabihf")

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target(
            name="x86",
            library="libdlk_x86.so",
            triple="x86_64-linux-gnu.2.17",
            cpu="x86_64",
            isas=(
                Isa("portable", "x86_64", 1),
                Isa("sse2", "x86_64", 2),
                Isa("avx2", "x86_64_v3", 4, level="kX86V3", prefetch=True),
                Isa("avx512", "x86_64_v4", 8, level="kX86V4"),
            ),
        ),
        Target(
            name="arm",
            library="libdlk_arm.so",
            triple="arm-linux-gnueabihf.2.17",
            cpu="cortex_a9",
            isas=(Isa("neon", "cortex_a9", 2, prefetch=True),),
            emulator=_QEMU_ARM,
        ),
        Target(
            name="aarch64",
            library="libdlk_aarch64.so",
            triple="aarch64-linux-gnu.2.17",
            cpu="generic",
            # Cores that execute in order wait for the second-level cache; the others only lose time by asking early.
            isas=(
                Isa("neon_in_order", "generic", 2, prefetch=True),
                Isa("neon", "generic", 2, level="kOutOfOrder"),
            ),
            emulator=("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"),
        ),
        Target(
            name="fpga",
            library="libdlk_fpga.so",
            triple="arm-linux-gnueabihf.2.17",
            cpu="cortex_a9",
            isas=(Isa("neon", "cortex_a9", 2, prefetch=True),),
            emulator=_QEMU_ARM,
            accelerated=True,
        ),
    )
}

TWINS: dict[str, Target] = {
    "fpga": Target(
        name="fpga_x86",
        library="libdlk_fpga_x86.so",
        triple="x86_64-linux-gnu.2.17",
        cpu="x86_64",
        isas=(Isa("sse2", "x86_64", 2),),
        accelerated=True,
    ),
}
"""What is built beside a target to prove its driver on a PC, with a simulated accelerator; never packaged."""
