"""Standard ONNX: each quantizer written out in operators that every runtime has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
import onnxruntime
from numpy.typing import NDArray

from dlk.errors import DlkError


def rewrite(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with every call of a quantizer's function replaced by the function's body."""
    flat = onnx.inliner.inline_local_functions(model)
    del flat.opset_import[:]
    flat.opset_import.extend(item for item in model.opset_import if not item.domain)
    onnx.checker.check_model(flat, full_check=True)
    return flat


class Runner:
    """A file in onnxruntime, which is asked for inner tensors too.

    Args:
        path: of the file.
        tensors: names of the tensors to return.
    """

    def __init__(self, path: Path, tensors: list[str]) -> None:
        model = onnx.load(path)
        known = {value.name for value in model.graph.output}
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors if name not in known)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has its own classes, one for each status of its C interface
            raise DlkError("onnxruntime refuses the file", where=str(path), received=str(error)[:500]) from error
        self._tensors = tensors

    def __call__(self, values: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the tensors by name for the input float32 [1,H,W,3]."""
        name = self._session.get_inputs()[0].name
        return dict(zip(self._tensors, self._session.run(self._tensors, {name: values}), strict=True))
