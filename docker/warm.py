"""Fill the compiler's cache, as an image brings it: what no network changes is compiled here, not at the first convert.

    BLUEOIL_CACHE=FOLDER python docker/warm.py

That is the compiler's own runtime for each target, and the simulated accelerator with the ways to it.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from dlk.build.cmake import TRY_FLAGS
from dlk.build.toolchain import environment, zig
from dlk.targets import TARGETS, TWINS, Target
from dlk.verify.available import is_native
from dlk.verify.simulator import client, simulator

KINDS = (["-shared", "-fPIC"], [])


def warm(target: Target, folder: Path) -> None:
    """Compile an empty library and an empty program of this target, with the flags of a real one."""
    for suffix, driver in (("c", "cc"), ("cpp", "c++")):
        source = folder / f"empty.{suffix}"
        source.write_text("int main(void) { return 0; }\n" if suffix == "c" else "int main() { return 0; }\n")
        for kind in KINDS:
            words = [str(zig()), driver, "-target", target.triple, *TRY_FLAGS.format(cpu=target.cpu).split(), *kind]
            subprocess.run([*words, "-o", str(folder / "empty"), str(source)], env=environment(), check=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        for each in (*TARGETS.values(), *TWINS.values()):
            warm(each, Path(work))
    simulator()
    for each in TARGETS.values():
        if each.accelerated and not is_native(each):
            client(each)
