"""The error that a person reads: what happened, where, expected and received, how to fix it."""

from __future__ import annotations


class DlkError(Exception):
    """A fault in a graph, a build or a verification, told so that it can be mended.

    The three packages do not import each other, so each has this class; the command line prints every exception
    that has these attributes and exits with ``exit_code`` (1 the user's mistake, 2 ours, 3 a failed verification).
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        received: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.received = received
        self.fix = fix

    def __str__(self) -> str:
        """Return the report as plain lines, one fact a line."""
        facts = {"where": self.where, "expected": self.expected, "received": self.received, "fix": self.fix}
        return "\n".join([self.what, *(f"  {name}: {text}" for name, text in facts.items() if text)])


class VerificationError(DlkError):
    """An executor computed something else than the graph.

    ``verification``: what was compared, where the proofs ran to their end; else none.
    """

    exit_code = 3
    verification: object | None = None


class InternalError(DlkError):
    """A step of the converter broke its own promise."""

    exit_code = 2
