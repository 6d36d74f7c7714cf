"""The frozen TensorFlow graph behind the same calls as the library, for machines that have TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lmnet.nnlib import LibraryError

INPUT = "images_placeholder"
OUTPUT = "output"


class TensorflowGraphRunner:
    """Runs ``minimal_graph_with_shape.pb``: load, init, run."""

    takes_threads = False
    threads = None  # TensorFlow chooses

    def __init__(self) -> None:
        self._graph_def = None
        self._session = None
        self.input_shape = ()
        self.output_shape = ()

    @staticmethod
    def check(path: Path) -> None:
        """Raise LibraryError when there is no such file."""
        if not path.is_file():
            raise LibraryError(f"there is no graph {path}")

    def load(self, path: str | Path) -> None:
        """Read the frozen graph at ``path``. Raises LibraryError."""
        path = Path(path)
        self.check(path)
        try:
            import tensorflow
        except ImportError as error:
            raise LibraryError(
                f"{path} needs TensorFlow, which is not installed; run a library (-m ../models/lib/...) "
                "or `pip install tensorflow`"
            ) from error
        self._graph_def = tensorflow.compat.v1.GraphDef()
        try:
            self._graph_def.ParseFromString(path.read_bytes())
        except Exception as error:  # the class differs between versions of protobuf
            raise LibraryError(f"{path} is not a frozen TensorFlow graph") from error

    def set_threads(self, threads: int) -> None:
        """Raise LibraryError: the number is not ours to choose."""
        raise LibraryError(f"TensorFlow chooses its threads itself; leave --threads {threads} out, or run a library")

    def init(self) -> None:
        """Build the session and read the shapes. Raises LibraryError."""
        import tensorflow

        if self._graph_def is None:
            raise LibraryError("no graph is loaded; call load first")
        graph = tensorflow.Graph()
        try:
            with graph.as_default():
                tensorflow.compat.v1.import_graph_def(self._graph_def, name="")
            tensors = [graph.get_tensor_by_name(f"{name}:0") for name in (INPUT, OUTPUT)]
        except (KeyError, ValueError) as error:
            raise LibraryError(f"the graph has no {INPUT} and {OUTPUT}: {error}") from error
        self._session = tensorflow.compat.v1.Session(graph=graph)
        self.input_shape, self.output_shape = (tuple(tensor.shape.as_list()) for tensor in tensors)

    def run(self, values: np.ndarray) -> np.ndarray:
        """Return the graph's output for one input, float32 of ``input_shape`` with or without the leading 1."""
        return self._session.run(f"{OUTPUT}:0", {f"{INPUT}:0": values.reshape(self.input_shape)})

    def delete(self) -> None:
        """Close the session."""
        if self._session is not None:
            self._session.close()
        self._session = None
