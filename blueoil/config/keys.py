"""The terminal of a dialogue: not asked what it is, and its keys, none lost.

The reader below inquirer switches the terminal's mode around each key and throws away what was typed meanwhile, so a
pasted path would lose letters; here the mode changes once for a dialogue.
"""

from __future__ import annotations

import os
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

_ESCAPE = "\x1b"
_CONTROLS = "\x01\x08\t\n\r\x12\x7f"
"""The control characters that mean something at a prompt: Ctrl-A and Ctrl-R (all, none), backspace, tab, enter."""


@contextmanager
def unasked() -> Iterator[None]:
    """Keep the terminal library below inquirer from asking the terminal what it is while the block lasts.

    A pseudo terminal (expect, some consoles of containers) never answers, which costs five seconds a question asked; a
    slow line answers into our prompt. The library does not ask where these variables say that it is of no use.
    """
    values = {"ANSICON": "1", "TERM_PROGRAM": os.environ.get("TERM_PROGRAM") or "unknown"}
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def key_by_key() -> Iterator[None]:
    """Hand over each key at once and without echo while the block lasts; Ctrl-C still raises KeyboardInterrupt."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def read_key() -> str:
    """Return the next key: a character, or the whole escape sequence of a cursor key (``ESC [ A``); enter is a newline.

    Other control characters (Ctrl-U, Ctrl-W) are dropped: they would stand unseen in the answer.

    Raises:
        KeyboardInterrupt: the terminal has gone away.
    """
    key = _read()
    if key == "\r":
        return "\n"
    if key != _ESCAPE:
        return key if key.isprintable() or key in _CONTROLS else read_key()
    kind = _read()
    if kind == "O":  # what cursor keys send in application mode
        return f"{_ESCAPE}[{_read()}"
    sequence = _ESCAPE + kind
    if kind == "[":
        while not "@" <= (last := _read()) <= "~":
            sequence += last
        sequence += last
    return sequence


def _read() -> str:
    character = sys.stdin.read(1)
    if not character:
        raise KeyboardInterrupt
    return character
