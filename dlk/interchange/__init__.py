"""A trained network as a file for other tools, proved to compute what was trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from dlk.interchange import plain, qonnx
from dlk.interchange.trace import Values


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file.

    Attributes:
        meaning: one line for people.
        suffix: how the names of its files end.
        rewrite: the graph as exported -> the graph of this format.
        package: Python package that runs it.
        open: opens a file; the result maps the network's input, float32 [1,H,W,3], to the values of some tensors.
    """

    meaning: str
    suffix: str
    rewrite: Callable[[onnx.ModelProto], onnx.ModelProto]
    package: str
    open: Callable[[Path, Sequence[str]], Values]


FORMATS: dict[str, Format] = {
    "onnx": Format("standard ONNX operators only", ".onnx", plain.rewrite, "onnxruntime", plain.opened),
    "qonnx": Format("QONNX quantizers, for FINN and hls4ml", ".qonnx.onnx", qonnx.rewrite, "qonnx", qonnx.Runner),
}
"""Name on the command line -> format."""
