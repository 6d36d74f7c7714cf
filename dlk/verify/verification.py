"""Both proofs in one step, and their outcome as an error, a table and ``verification.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.errors import DlkError, VerificationError
from dlk.verify.available import Built, Candidate, NotRun, find_executors, is_native
from dlk.verify.equality import EqualityResult, check_equality
from dlk.verify.executors import OUTPUT, LibraryExecutor, PixelExecutor
from dlk.verify.golden import Golden, read_golden
from dlk.verify.onnx_executor import OnnxExecutor
from dlk.verify.reference import Reference
from dlk.verify.rounding import LEAST_AGREEMENT, RoundingResult, check_rounding

EMULATED_IMAGES = 1  # an emulator is some tens of times slower, and one image passes through every value of the code
FORMAT_VERSION = 1
ORIGINAL = "TensorFlow graph"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was compared, with how many images and values, and how it ended."""

    executor: str
    images: int
    values: int
    mismatches: int
    seconds: float
    verdict: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of both proofs; ``onnx_agreement`` is the class agreement of onnxruntime, for information.

    original: what the reference was compared with.
    """

    equality: tuple[EqualityResult, ...]
    not_run: tuple[NotRun, ...]
    rounding: RoundingResult
    onnx_agreement: float
    original: str = ORIGINAL

    @property
    def passed(self) -> bool:
        """Return whether every executor is equal to the reference, and the reference explained by rounding."""
        return bool(self.equality) and all(result.passed for result in self.equality) and self.rounding.passed

    def rows(self) -> tuple[Row, ...]:
        """Return the table, in the order of checking."""
        rounding = self.rounding
        compared = sum(layer.values for layer in rounding.layers)
        unexplained = sum(layer.unexplained for layer in rounding.layers)
        free = sum(layer.running_free for layer in rounding.layers)
        words = f"same class in {rounding.agreement:.2%} of pixels; {free} codes round apart"
        graph = Row(
            self.original,
            rounding.images,
            compared,
            unexplained,
            0.0,
            "within rounding" if rounding.passed else "differs",
            f"{words}, first in {rounding.first_free}" if rounding.first_free else words,
        )
        equal = (
            Row(
                result.executor,
                result.images,
                result.values,
                result.mismatches,
                result.seconds,
                "equal" if result.passed else "failed" if result.failure else "differs",
                result.failure or str(result.first or ""),
            )
            for result in self.equality
        )
        missing = (Row(item.executor, 0, 0, 0, 0.0, "not run", item.reason) for item in self.not_run)
        return (graph, *equal, *missing)

    def document(self) -> dict[str, Any]:
        """Return everything as JSON types."""
        return {
            "version": FORMAT_VERSION,
            "passed": self.passed,
            "executors": [
                {
                    "executor": result.executor,
                    "images": result.images,
                    "values": result.values,
                    "mismatches": result.mismatches,
                    "seconds": result.seconds,
                    "failure": result.failure,
                    "first_difference": result.first.document() if result.first else None,
                    "layers": [asdict(layer) for layer in result.layers],
                }
                for result in self.equality
            ],
            "not_run": [asdict(item) for item in self.not_run],
            "tensorflow_graph": {
                "images": self.rounding.images,
                "class_agreement": self.rounding.agreement,
                "least_agreement": LEAST_AGREEMENT,
                "outputs_apart": self.rounding.apart,
                "first_unexplained": self.rounding.first.document() if self.rounding.first else None,
                "first_layer_running_free": self.rounding.first_free,
                "layers": [asdict(layer) for layer in self.rounding.layers],
            },
            "onnxruntime": {"class_agreement": self.onnx_agreement},
        }

    def write(self, path: Path) -> None:
        """Write verification.json."""
        path.write_text(json.dumps(self.document(), indent=1, allow_nan=False) + "\n", encoding="utf-8")

    def require_passed(self, *, where: Path) -> None:
        """Raise VerificationError that names the first layer when a proof failed; ``where`` holds the whole record."""
        if self.passed:
            return
        if (fault := self.rounding.fault) is not None:
            what = (
                f"the graph as exported does not compute what the {self.original} computes: {fault.what}, {fault.where}"
            )
            detail = fault.detail
        elif differing := [result for result in self.equality if result.first]:
            worst = differing[0]
            names = ", ".join(result.executor for result in differing)
            what = f"the library differs from the graph, first in layer {worst.first.layer}"  # type: ignore[union-attr]
            detail = f"{names}; {worst.executor}: {worst.mismatches} of {worst.values} values, {worst.first}"
        elif failed := [result for result in self.equality if not result.passed]:
            what = "the library does not run: " + (failed[0].failure or "it gave no values")
            detail = ", ".join(result.executor for result in failed)
        else:
            what, detail = "no library could be run on this machine", "; ".join(item.reason for item in self.not_run)
        error = VerificationError(
            what, where=str(where), received=detail, fix="report this with the folder; do not use the libraries"
        )
        error.verification = self
        raise error


class Verifier:
    """The export's reference with its traces, shared by both proofs."""

    def __init__(self, model: Path, golden: Path, *, original: str = ORIGINAL) -> None:
        """Read model.onnx and reference.npz; original: what made the latter. Raises DlkError."""
        self.model = model
        self.original = original
        self.golden: Golden = read_golden(golden)
        self.reference = Reference(model)
        self._graph: tuple[RoundingResult, float] | None = None
        self.trace: Callable[[int], Mapping[str, NDArray[Any]]] = cache(
            lambda index: self.reference.trace(self.golden.input[index])
        )

    def outputs(self, count: int) -> NDArray[np.float32]:
        """Return the reference's output of the first images, float32 [count,H,W,C]."""
        return np.stack([self.trace(index)[OUTPUT] for index in range(count)])

    def check_graph(self) -> tuple[RoundingResult, float]:
        """Run the proof that needs no library, against the TensorFlow graph, once; also ask onnxruntime."""
        if self._graph is None:
            self._graph = check_rounding(self.reference, self.golden, self.trace), self._onnx_agreement()
        return self._graph

    def verify(self, built: Sequence[Built]) -> Verification:
        """Run both proofs to their end, whatever they find; libraries side by side, each in a process of its own."""
        rounding, agreement = self.check_graph()
        candidates, missing = find_executors(built)
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
            results = list(threads.map(self._check, candidates))
        plain = [item for item in built if is_native(item.target) and not item.target.accelerated]
        results += [self._check_pixels(item) for item in plain]
        return Verification(tuple(results), tuple(missing), rounding, agreement, self.original)

    def _check(self, candidate: Candidate) -> EqualityResult:
        count = min(EMULATED_IMAGES, len(self.golden)) if candidate.emulated else len(self.golden)
        inputs, derived = self.golden.input[:count], self.reference.derived
        return check_equality(candidate.executor, inputs, self.trace, derived=derived)

    def _check_pixels(self, built: Built) -> EqualityResult:
        """Check the pre-processing inside the library: from pixels to the reference's output."""
        name = f"{built.target.name} from pixels"
        try:
            library = LibraryExecutor(built.library, name=name)
        except DlkError as error:
            return EqualityResult(name, 0, (), None, 0.0, error.received or error.what)
        with library:
            return check_equality(
                PixelExecutor(library), self.golden.images, lambda index: {OUTPUT: self.trace(index)[OUTPUT]}
            )

    def _onnx_agreement(self) -> float:
        executor = OnnxExecutor(self.model)
        outputs = [executor.run(values) for values in self.golden.input]
        same = [np.mean(mine.argmax(-1) == self.trace(i)[OUTPUT].argmax(-1)) for i, mine in enumerate(outputs)]
        return float(np.mean(same))
