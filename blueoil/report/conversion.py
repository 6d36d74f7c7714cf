"""The verification of a conversion as a table, and as values for ``--json``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from blueoil.console import Console

if TYPE_CHECKING:
    from dlk.verify.verification import Verification


def tell(console: Console, verification: Verification) -> dict[str, Any]:
    """Print one line an executor with its comparisons, and notes below; return the same as a table of values."""
    rows = verification.rows()
    cells = [[row.executor, str(row.images), f"{row.values:,}", f"{row.mismatches:,}", row.verdict] for row in rows]
    console.table(["executor", "images", "values", "mismatches", "verdict"], cells, title="Verification")
    for row in rows:
        if row.detail:
            console.say(f"  {row.executor}: {row.detail}")
    return {"verified": verification.passed, "verification": [asdict(row) for row in rows]}


@contextmanager
def telling_failures(console: Console) -> Iterator[None]:
    """Print the table of a verification that failed in the block, before its error goes on."""
    from dlk.errors import VerificationError
    from dlk.verify.verification import Verification

    try:
        yield
    except VerificationError as error:
        if isinstance(error.verification, Verification):
            tell(console, error.verification)
        raise
