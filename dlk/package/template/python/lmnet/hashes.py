"""The SHA-256 sums in meta.yaml: a library of this package is the file that was verified, or it is not loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lmnet.nnlib import LibraryError


def sha256(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def check_known(model: Path, hashes: dict, meta: Path) -> None:
    """Raise LibraryError unless ``model`` is, byte for byte, one of the files whose sums ``meta`` lists.

    To load a library is to run it, so this comes before. Where the file lies, and its name, do not matter.
    """
    if not hashes:
        raise LibraryError(f"{meta} lists no SHA-256 sums, so {model} was not loaded; use the one of its package")
    if sha256(model) not in hashes.values():
        raise LibraryError(
            f"{model} was not loaded: its SHA-256 is not in {meta}, so it was changed or belongs to another package; "
            "copy the package again"
        )
