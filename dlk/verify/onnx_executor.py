"""The graph in onnxruntime, for information: near to the reference, not equal to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlk.errors import DlkError
from dlk.verify.executors import OUTPUT, Floats, Trace


class OnnxExecutor:
    """model.onnx in onnxruntime: float32 throughout, so near to the reference and not equal to it."""

    name = "onnxruntime"

    def __init__(self, model: Path) -> None:
        """Open a session with one thread. Raises DlkError."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has its own classes, one for each status of its C interface
            raise DlkError("onnxruntime refuses the model", where=str(model), received=str(error)[:500]) from error
        self._input = self._session.get_inputs()[0].name

    def run(self, values: Floats) -> Floats:
        """Return the output."""
        output: Floats = self._session.run([OUTPUT], {self._input: values[np.newaxis]})[0][0]
        return output

    def trace(self, values: Floats) -> Trace:
        """Return the output only: a session gives out no layer unless the graph is changed."""
        return {OUTPUT: self.run(values)}
