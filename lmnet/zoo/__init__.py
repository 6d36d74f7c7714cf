"""Trained networks that come along, by name: one small file each, ``NAME.npz`` in this folder.

Names are known here without importing Keras.
"""

from __future__ import annotations

from pathlib import Path

from lmnet.errors import LmnetError

SUFFIX = ".npz"
FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Return the names of the networks that come along, in alphabetical order."""
    return tuple(sorted(file.stem for file in FOLDER.glob(f"*{SUFFIX}")))


def find(name: str) -> Path:
    """Return the file of a network.

    Args:
        name: one of ``names()``, or the path of a file that ends in ``.npz``.

    Raises:
        LmnetError: there is none; those that come along are listed.
    """
    given = name.endswith(SUFFIX)
    file = Path(name) if given else FOLDER / f"{name}{SUFFIX}"
    if not (file.is_file() if given else name in names()):
        known = ", ".join(names()) or "no network comes along with this version"
        raise LmnetError(
            f"There is no trained network {name}.",
            expected=f"{known}; or a file *{SUFFIX}",
            fix="correct the name, or make a file of your own: blueoil zoo pack",
        )
    return file
