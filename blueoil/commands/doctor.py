"""``blueoil doctor``: what is installed here, and what is not, what that means, and the command that installs it."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blueoil.commands import options
from blueoil.console import Console
from blueoil.errors import BlueoilError

if TYPE_CHECKING:
    from blueoil.doctor.check import Result

_NEXT = "blueoil dataset sample CamVid"


@click.command("doctor")
@options.output_dir
@options.as_json
@options.debug
def command(output_dir: Path, machine: bool) -> int:
    """Look at this machine: packages, GPUs, compilers, emulators, tools, disk.

    Exit code 1 when something is missing that every way needs.

    \b
    Example:
      blueoil doctor
      blueoil doctor --json
    """
    try:
        from blueoil.doctor.check import look
        from blueoil.doctor.table import checks
    except ModuleNotFoundError as error:
        raise BlueoilError(f"{error.name} is not installed", fix=f"pip install {error.name}") from None

    console = Console(machine=machine)
    results = [look(check) for check in checks(output_dir)]
    for group, rows in groupby(results, key=lambda result: result.check.group):
        console.say(group)
        for row in rows:
            _tell(console, row)
    blocking = [result for result in results if result.check.required and not result.is_ok]
    wanted = [result for result in results if not result.is_ok and result not in blocking]
    console.say(f"{len(blocking)} required and {len(wanted)} optional of {len(results)} are missing")
    console.say(f"Next step: {blocking[0].fix}; then blueoil doctor" if blocking else f"Next step: {_NEXT}")
    console.result({"ok": not blocking, "checks": [_values(result) for result in results]})
    return 1 if blocking else 0


def _tell(console: Console, result: Result) -> None:
    check, finding = result.check, result.finding
    console.say(f"  {finding.state:8}  {check.name}: {finding.found}")
    if not result.is_ok:
        console.say(f"            {'REQUIRED' if check.required else 'without it'}: {check.without}")
        console.say(f"            {result.fix}")


def _values(result: Result) -> dict[str, Any]:
    """Return a row of ``--json``; ``without`` and ``fix`` only where something is to be done."""
    check, finding = result.check, result.finding
    values: dict[str, Any] = {
        "group": check.group,
        "name": check.name,
        "required": check.required,
        "state": str(finding.state),
        "found": finding.found,
    }
    return values if result.is_ok else {**values, "without": check.without, "fix": result.fix}
