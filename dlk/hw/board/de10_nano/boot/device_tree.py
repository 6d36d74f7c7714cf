"""The board's device tree with our overlay, and the check that Linux finds in it what the driver needs."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlk.errors import DlkError

MAGIC = 0xD00DFEED
HEADER = struct.Struct(">10I")  # magic, bytes of the tree, eight more
OVERLAY = Path(__file__).parents[1] / "overlay.dts"


@dataclass(frozen=True, slots=True)
class Fact:
    """A property that must stand in the tree. ``value``: as ``fdtget -t x`` prints it."""

    node: str
    property: str
    value: str


FIXED = "/reserved-memory/dlk@3c000000"
POOL = "/reserved-memory/dlk-pool@28000000"
ACCELERATOR = "/accelerator@ff200000"
BUFFER = "/dlk-buffer"
FACTS = (
    Fact(FIXED, "reg", "3c000000 4000000"),
    Fact(FIXED, "no-map", ""),
    Fact(POOL, "reg", "28000000 4000000"),
    Fact(POOL, "reusable", ""),
    Fact(ACCELERATOR, "reg", "ff200000 1000"),
    Fact(BUFFER, "size", "4000000"),
)
REFERENCES = ((ACCELERATOR, FIXED), (BUFFER, POOL))  # whose memory-region is which node


def compile_overlay(target: Path, source: Path = OVERLAY) -> None:
    """Compile the overlay ``source`` to ``target``. Raises DlkError with what dtc says."""
    _run(["dtc", "-I", "dts", "-O", "dtb", "-o", str(target), str(source)], "The overlay does not compile")


def apply_overlay(base: Path, overlay: Path, target: Path) -> None:
    """Write ``base`` with ``overlay`` applied. Raises DlkError with what fdtoverlay says."""
    _run(["fdtoverlay", "-i", str(base), "-o", str(target), str(overlay)], f"The overlay does not apply to {base.name}")


def check_header(tree: bytes) -> None:
    """Raise DlkError unless ``tree`` is a whole flattened device tree, by its header. Needs no tool."""
    magic, size = HEADER.unpack(tree[: HEADER.size])[:2] if len(tree) >= HEADER.size else (0, 0)
    if magic != MAGIC or not HEADER.size <= size <= len(tree):
        raise DlkError(
            "This is no whole device tree",
            expected=f"magic number {MAGIC:#x} and at most the file's {len(tree)} bytes",
            received=f"{magic:#x} and {size} bytes",
            fix="build it again: make boot",
        )


def check_tree(tree: Path) -> None:
    """Raise DlkError unless ``tree`` has the memory, the buffer and the accelerator."""
    for fact in FACTS:
        _expect(tree, fact.node, fact.property, fact.value)
    for node, region in REFERENCES:
        _expect(tree, node, "memory-region", _get(tree, region, "phandle"))


def _expect(tree: Path, node: str, name: str, value: str | None) -> None:
    received = _get(tree, node, name)
    if received is None or received != value:
        raise DlkError(
            f"The device tree lacks what the accelerator needs: {node} {name}",
            where=str(tree),
            expected="a value" if value is None else value or "the property",
            received="nothing" if received is None else received or "the property without a value",
            fix="apply dlk/hw/board/de10_nano/overlay.dts to the board's own tree: make boot",
        )


def _get(tree: Path, node: str, name: str) -> str | None:
    """Return a property in hexadecimal, "" when it has no value, None when it is absent."""
    done = subprocess.run(["fdtget", "-t", "x", str(tree), node, name], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _run(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DlkError(what, where=command[0], received=(done.stdout + done.stderr).strip())
