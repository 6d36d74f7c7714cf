"""Which tensors of an exported graph hold codes, and how a file's values become the codes of the proof."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlk.errors import VerificationError
from dlk.ir.files import read_model
from dlk.verify.executors import OUTPUT
from dlk.verify.golden import Golden
from dlk.verify.reference_graph import Layer, Quantizer, read_graph

Floats = NDArray[np.float32]
Values = Callable[[Floats], dict[str, Floats]]
"""Input float32 [1,H,W,3] -> values by name of tensor."""

TOLERANCE = 1e-6
"""Of the largest value: levels are a quotient and a product of float32, each rounded once, so 2^-22 at the most."""


@dataclass(frozen=True, slots=True)
class CodeTensor:
    """The tensor [1,C,h,w] that a quantized layer makes, and its quantizer."""

    layer: str
    tensor: str
    quantizer: Quantizer

    def codes(self, values: Floats) -> NDArray[np.uint8]:
        """Return the codes uint8 [h,w,C] of values [1,C,h,w].

        Raises:
            VerificationError: a value is no level of the quantizer.
        """
        n, largest = self.quantizer.n, self.quantizer.max_value
        codes = np.clip(np.rint(values.astype(np.float64) / largest * n), 0, n)
        wrong = np.abs(codes * largest / n - values) > TOLERANCE * largest
        if wrong.any():
            raise VerificationError(
                "the file computes values that are no activation codes",
                where=f"layer {self.layer}",
                expected=f"i * {largest:g} / {n}, i from 0 to {n}",
                received=f"{values[wrong][0]:g}",
            )
        return codes[0].transpose(1, 2, 0).astype(np.uint8)


def code_tensors(model: Path) -> list[CodeTensor]:
    """Return the tensors of codes of a model.onnx, in execution order. Raises DlkError."""
    nodes = read_graph(read_model(model)).nodes
    return [
        CodeTensor(node.name, node.makes[0], node.does.quantizer)
        for node in nodes
        if isinstance(node.does, Layer) and node.does.quantizer is not None
    ]


def traced(golden: Golden, run: Values, tensors: list[CodeTensor]) -> Golden:
    """Return the images and inputs of ``golden`` with the codes and outputs that a file computes on them."""
    results = [run(image[np.newaxis]) for image in golden.input]
    codes = {item.layer: np.stack([item.codes(found[item.tensor]) for found in results]) for item in tensors}
    return replace(golden, codes=codes, output=np.concatenate([found[OUTPUT] for found in results]))
