"""The command line of the recipe. Exit status: 0 done, 1 something is missing or failed, 2 a fault of the recipe."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from dlk.errors import DlkError
from dlk.hw.board.de10_nano.boot.recipe import Recipe
from dlk.hw.board.de10_nano.boot.tools import require_packages

logger = logging.getLogger("boot")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the boot files and return the exit status."""
    parser = argparse.ArgumentParser(prog="boot", description="Build the boot files of the DE10-Nano.")
    parser.add_argument("--out", type=Path, default=Path("build/boot"), help="folder for the files [%(default)s]")
    parser.add_argument("--base", type=Path, help="device tree to lay ours over [U-Boot's own for this board]")
    parser.add_argument("--install", action="store_true", help="as root: install the Debian packages that are missing")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        require_packages(install=options.install)
        files = Recipe(options.out.resolve(), options.base).run()
    except DlkError as error:
        logger.error("error: %s", error)
        return error.exit_code
    for file in files:
        logger.info("%8d bytes  %s", file.stat().st_size, file)
    logger.info("Next step: docs/fpga.md, the card")
    return 0


if __name__ == "__main__":
    sys.exit(main())
