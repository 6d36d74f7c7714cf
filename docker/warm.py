"""Fill the compiler's cache, as an image brings it: what no network changes is compiled here, not at the first convert.

    BLUEOIL_CACHE=FOLDER python docker/warm.py compiler|simulator

compiler: its own runtime for each target. simulator: the accelerator's, and the ways to it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dlk.build.cmake import TRY_FLAGS
from dlk.build.toolchain import environment, zig
from dlk.errors import DlkError
from dlk.targets import TARGETS, TWINS, Target
from dlk.verify.available import is_native
from dlk.verify.simulator import client, simulator

KINDS = (["-shared", "-fPIC"], [])
TRIES = 4  # on a slow machine one may run out of time; the next finds what the compiler has made so far


def warm(target: Target, folder: Path) -> None:
    """Compile an empty library and an empty program of this target, with the flags of a real one."""
    for suffix, driver in (("c", "cc"), ("cpp", "c++")):
        source = folder / f"empty.{suffix}"
        source.write_text("int main(void) { return 0; }\n" if suffix == "c" else "int main() { return 0; }\n")
        for kind in KINDS:
            words = [str(zig()), driver, "-target", target.triple, *TRY_FLAGS.format(cpu=target.cpu).split(), *kind]
            subprocess.run([*words, "-o", str(folder / "empty"), str(source)], env=environment(), check=True)


def compiler() -> None:
    """Let the compiler make its own runtime for each target."""
    with tempfile.TemporaryDirectory() as work:
        for target in (*TARGETS.values(), *TWINS.values()):
            warm(target, Path(work))


def simulated() -> None:
    """Build the simulated accelerator, and the ways to it from emulated machines."""
    persist(simulator)
    for target in TARGETS.values():
        if target.accelerated and not is_native(target):
            persist(partial(client, target))


def persist(make: Callable[[], object]) -> None:
    """Make something whose compiler has a limit of time, in a few tries."""
    for patience in reversed(range(TRIES)):
        try:
            make()
            return
        except DlkError:
            if not patience:
                raise


if __name__ == "__main__":
    {"compiler": compiler, "simulator": simulated}[sys.argv[1]]()
