"""Run a program to its end and return what it printed."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from blueoil.errors import BlueoilError

SECONDS = 600.0


def run(command: Sequence[str], *, given: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Return a program's stdout; ``given`` is its stdin. Raises BlueoilError when it fails."""
    result = subprocess.run(
        list(command), input=given, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if result.returncode != 0:
        raise BlueoilError(
            f"{Path(command[0]).name} failed",
            where=" ".join(command[-4:])[:300],
            received=f"exit status {result.returncode}: {result.stderr.strip()[:1000]}",
        )
    return result.stdout
