"""Standard ONNX: each quantizer written out in operators that every runtime has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
import onnx.inliner

from dlk.verify.onnx_executor import OnnxTensors


def rewrite(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with every call of a quantizer's function replaced by the function's body."""
    flat = onnx.inliner.inline_local_functions(model)
    del flat.opset_import[:]
    flat.opset_import.extend(item for item in model.opset_import if not item.domain)
    onnx.checker.check_model(flat, full_check=True)
    return flat


def opened(path: Path, tensors: Sequence[str]) -> OnnxTensors:
    """Return the file in onnxruntime, which gives these tensors. Raises DlkError."""
    model = onnx.load(path)
    return OnnxTensors(model, model.graph.input[0].name, tensors)
