"""The graph in onnxruntime, for information: near to the reference, not equal to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from dlk.errors import DlkError
from dlk.verify.executors import OUTPUT, Floats, Trace


class OnnxExecutor:
    """model.onnx in onnxruntime: float32 throughout, so near to the reference and not equal to it."""

    name = "onnxruntime"

    def __init__(self, model: Path) -> None:
        """Open a session with one thread. Raises DlkError."""
        self._session = _session(str(model), str(model))
        self._input = self._session.get_inputs()[0].name

    def run(self, values: Floats) -> Floats:
        """Return the output."""
        output: Floats = self._session.run([OUTPUT], {self._input: values[np.newaxis]})[0][0]
        return output

    def trace(self, values: Floats) -> Trace:
        """Return the output only: a session gives out no layer unless the graph is changed."""
        return {OUTPUT: self.run(values)}


class OnnxTensors:
    """Any tensors of a model, outputs or not, as onnxruntime computes them without rewrites.

    Args:
        model: with one input that is no constant.
        source: the input's name.
        fetch: names of the tensors, float32 of any shape.
    """

    def __init__(self, model: onnx.ModelProto, source: str, fetch: Sequence[str]) -> None:
        """Open a session with one thread. Raises DlkError."""
        watched = onnx.ModelProto()
        watched.CopyFrom(model)
        known = {value.name for value in model.graph.output}
        inner = (name for name in fetch if name not in known)
        typed = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in inner)
        watched.graph.output.extend(typed)
        self._session = _session(watched.SerializeToString(), model.graph.name, rewrites=False)
        self._source, self._fetch = source, list(fetch)

    def __call__(self, batch: Floats) -> dict[str, Floats]:
        """Return the tensors by name. Raises DlkError."""
        try:
            return dict(zip(self._fetch, self._session.run(self._fetch, {self._source: batch}), strict=True))
        except Exception as error:  # as below
            raise DlkError("onnxruntime does not run the model", received=str(error)[:500]) from error


def _session(model: str | bytes, where: str, *, rewrites: bool = True) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if not rewrites:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has its own classes, one for each status of its C interface
        raise DlkError("onnxruntime refuses the model", where=where, received=str(error)[:500]) from error
