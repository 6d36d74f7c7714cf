"""Targets: config files, answer files, and the words of a command line."""

from __future__ import annotations

import ast
from pathlib import Path

from fuzz_reader import Run, answered, rewrite

from blueoil.config.answers import collect
from blueoil.config.load import load
from lmnet.datasets.sample import draw_dataset

_LITERALS = (
    ast.Module, ast.Assign, ast.AnnAssign, ast.Expr, ast.Constant, ast.Name, ast.Load, ast.Store, ast.List, ast.Tuple,
    ast.Dict, ast.Set, ast.UnaryOp, ast.USub, ast.UAdd, ast.Invert, ast.Not,
)  # fmt: skip


def parts(data: bytes) -> tuple[bytes, list[str]]:
    """Return the file and the words of the command line: all that is divided by zero bytes."""
    file, *words = data.split(b"\0")
    return file, [word.decode("utf-8", "surrogateescape") for word in words[:4]]


def yaml_config(folder: Path) -> Run:
    """A YAML config and ``key=value`` words."""

    def run(data: bytes) -> None:
        text, words = parts(data)
        file = rewrite(folder / "config.yaml", text)
        with answered():
            load(file, words)

    return run


def python_config(folder: Path) -> Run:
    """A Python config. It is run only where it holds nothing but values: any other program may do anything."""

    def run(data: bytes) -> None:
        text, words = parts(data)
        if not harmless(text):
            return
        file = rewrite(folder / "config.py", text)
        with answered():
            load(file, words)

    return run


def harmless(text: bytes) -> bool:
    """Say whether Python refuses a text, or finds nothing but values in it."""
    try:
        tree = ast.parse(text)
    except Exception:
        return True
    return all(isinstance(node, _LITERALS) for node in ast.walk(tree))


def answers(folder: Path) -> Run:
    """An answer file for ``blueoil init`` and ``id=value`` words."""
    draw_dataset(folder / "CamVid", train=2, validation=1, size=(32, 32))

    def run(data: bytes) -> None:
        text, words = parts(data)
        file = rewrite(folder / "answers.yaml", text) if text else None
        with answered():
            collect(file, words, defaults=len(data) % 2 == 1)

    return run
