"""What can run a checkpoint: the Keras model, the exported graph, a built library; one call for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blueoil import tensorflow_start
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
    """Pre-processed image float32 [H,W,3] -> logits float32 [H,W,C]."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of one checkpoint for one image size lie; ``words`` end a command line that is advised."""

    experiment: Experiment
    checkpoint: Path
    export: Path
    words: str = ""

    def exported(self, file: str) -> Path:
        """Return a file of the export folder.

        Raises:
            BlueoilError: the checkpoint isn't converted for this image size.
        """
        path = self.export / file
        if not path.is_file():
            raise BlueoilError(
                "the checkpoint is not converted yet",
                where=str(path),
                fix=f"blueoil convert -e {self.experiment.id} -p {self.checkpoint.name}{self.words}",
            )
        return path


def _keras(place: Place) -> Run:
    tensorflow_start.start()
    from lmnet.evaluation.keras_runner import load

    return load(place.checkpoint, place.experiment.settings())


def _onnx(place: Place) -> Run:
    from dlk.verify.onnx_executor import OnnxExecutor

    return OnnxExecutor(place.exported("model.onnx")).run


def _x86(place: Place) -> Run:
    from dlk.targets import TARGETS
    from dlk.verify.executors import LibraryExecutor

    library = place.exported(f"output/models/lib/{TARGETS['x86'].library}")
    return LibraryExecutor(library, name="x86").run


BACKENDS: dict[str, Callable[[Place], Run]] = {"keras": _keras, "onnx": _onnx, "x86": _x86}
"""Name on the command line -> opens the backend for a checkpoint."""
