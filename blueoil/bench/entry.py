"""How a benchmark starts as a program: an error is told in one piece and becomes the exit code."""

from __future__ import annotations

import click

from blueoil.console import Console
from blueoil.errors import BlueoilError
from dlk.errors import DlkError


def start(command: click.Command) -> None:
    """Run a command on the program's arguments."""
    try:
        command(standalone_mode=False)
    except (BlueoilError, DlkError) as error:
        Console().warn(f"Error: {error}")
        raise SystemExit(error.exit_code) from None
