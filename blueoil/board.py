"""The board's files for a conversion: where they are looked for, and what is told of those that are missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blueoil.console import Console

if TYPE_CHECKING:
    from dlk.package.board import BoardFiles

TARGET = "fpga"


def find(targets: tuple[str, ...], boot: Path | None, bitstream: Path | None) -> BoardFiles | None:
    """Return what ``--boot`` and ``--bitstream`` name, or what the makefile made here; None without the target fpga.

    Raises:
        DlkError: a file's form is wrong.
    """
    if TARGET not in targets:
        if boot or bitstream:
            raise click.UsageError("--boot and --bitstream go with the target fpga")
        return None
    from dlk.package.board import BITSTREAM, BOOT, find_board_files

    return find_board_files(boot or BOOT, bitstream or BITSTREAM)


def tell(console: Console, board: BoardFiles | None, folder: Path) -> dict[str, Any]:
    """Say what is missing in the packed ``folder``, a line for each command; return the same for ``--json``."""
    if board is None:
        return {}
    missing = board.missing
    for command in dict.fromkeys(missing.values()):
        names = ", ".join(name for name, wanted in missing.items() if wanted == command)
        console.say(f"Note: {folder} lacks {names}: {command.replace('`', '')}, then convert again")
    return {"board": {"packed": list(board.present), "missing": missing}}
