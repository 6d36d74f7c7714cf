"""The table of checks, one row each."""

from __future__ import annotations

from pathlib import Path

from blueoil.bench.arm import tools
from blueoil.doctor import gpus, packages, programs, storage
from blueoil.doctor.check import Check

PACKAGES, BUILD, PROOF, FPGA, DEVELOPMENT, DISK = (
    "Python and packages",
    "Building libraries",
    "Proving libraries",
    "FPGA",
    "Measuring and tests",
    "Disk",
)
_EXTRAS = {
    "bench": "`make bench` times our library alone",
    "jax": "no training on several machines, nor with KERAS_BACKEND=jax",
    "tune": "`blueoil tune` does not start",
    "qonnx": "`blueoil export --format qonnx` leaves its file unproved",
    "fuzz": "`make fuzz` does not run",
}
"""Extra to what does not work without its packages; cpu and gpu, one of which is needed, have a row of their own."""


def checks(output_dir: Path) -> tuple[Check, ...]:
    """Return all rows; ``output_dir`` is the folder of all experiments."""
    reinstall = packages.install_extra("cpu")
    tensorflow = (*packages.requirements("cpu"), *packages.requirements("gpu"))
    return (
        Check(PACKAGES, "Python", packages.python, "nothing runs", "apt install python3 python3-venv", required=True),
        *(
            Check(
                PACKAGES,
                item.name,
                packages.package(item),
                "nothing is sure to run",
                packages.install(packages.without_extra(item)),
                required=True,
            )
            for item in packages.requirements()
        ),
        Check(
            PACKAGES, "TensorFlow", packages.package(*tensorflow), "no training, evaluation or export", reinstall,
            required=True,
        ),
        *(
            Check(PACKAGES, item.name, packages.package(item), without, packages.install_extra(extra))
            for extra, without in _EXTRAS.items()
            for item in packages.requirements(extra)
        ),
        Check(PACKAGES, "GPUs", gpus.gpus, "training runs on the CPU", packages.install_extra("gpu")),
        Check(
            BUILD, "cross-compiler", programs.compiler, "no libraries: `blueoil convert` stops",
            packages.install("--force-reinstall", "ziglang"), required=True,
        ),
        Check(
            BUILD, "CMake and Ninja", programs.build_tools, "no libraries: `blueoil convert` stops",
            packages.install("--force-reinstall", "cmake", "ninja"), required=True,
        ),
        Check(
            PROOF, "ARMv7", programs.emulator("arm"), "libdlk_arm.so and libdlk_fpga.so are built but not proved",
            "apt install qemu-user libc6-armhf-cross",
        ),
        Check(
            PROOF, "AArch64", programs.emulator("aarch64"), "libdlk_aarch64.so is built but not proved",
            "apt install qemu-user libc6-arm64-cross",
        ),
        Check(
            PROOF, "Verilator", programs.verilator, "libdlk_fpga.so is built but not proved",
            "apt install verilator",
        ),
        Check(
            FPGA, "fdtget", programs.program("fdtget"), "nodes of the device tree are packed unchecked",
            "apt install device-tree-compiler",
        ),
        Check(
            FPGA, "boot files", programs.boot_tools, "`make boot` makes no preloader, U-Boot and device tree",
            "make boot INSTALL=1",
        ),
        Check(
            FPGA, "Quartus", programs.program("quartus_sh", oldest="18.1"), "`make bitstream` makes no FPGA image",
            "get Quartus Prime Lite from https://www.altera.com, then PATH=$PATH:DIRECTORY/quartus/bin make bitstream",
        ),
        Check(FPGA, "yosys", programs.yosys, "`make fpga-report` tells no area", "apt install yosys"),
        Check(DEVELOPMENT, "llvm-mca", programs.llvm, "`make bench-arm` does not run", f"apt install {tools.PACKAGE}"),
        Check(
            DEVELOPMENT, "g++", programs.program("g++"),
            "the simulated accelerator takes longer to build, tests with sanitizers are skipped", "apt install g++",
        ),
        Check(
            DEVELOPMENT, "Icarus Verilog", programs.program("iverilog", asked="-V"),
            "tests of single modules of the accelerator are skipped", "apt install iverilog",
        ),
        Check(
            DISK, "experiments", storage.outputs(output_dir), "nothing can be kept",
            "choose another folder with --output_dir DIR or OUTPUT_DIR=DIR", required=True,
        ),
        Check(
            DISK, "compiler's cache", storage.cache, "`blueoil convert` stops",
            "choose another folder with BLUEOIL_CACHE=DIR", required=True,
        ),
    )  # fmt: skip
