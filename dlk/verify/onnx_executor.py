"""The graph in onnxruntime, for information: near to the reference, not equal to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def run_model(model: onnx.ModelProto, inputs: Mapping[str, Floats], fetch: Sequence[str]) -> dict[str, Floats]:
    """Return values of a model by name, also such as are no outputs; float32 of any shape. Raises DlkError.

    The graph runs as it is written, without rewrites.
    """
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    outputs = {value.name for value in model.graph.output}
    made = (name for name in fetch if name not in outputs)
    watched.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in made)
    session = _session(watched.SerializeToString(), model.graph.name, rewrites=False)
    try:
        return dict(zip(fetch, session.run(list(fetch), dict(inputs)), strict=True))
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
