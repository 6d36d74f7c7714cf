"""Both proofs as a report tells them: who was compared in which steps, and how the original rounds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dlk.targets import TWINS
from dlk.verify.rounding import LEAST_AGREEMENT
from dlk.verify.verification import Verification

_TARGET_OF_TWIN = {twin.name: name for name, twin in TWINS.items()}


def proofs(verification: Verification) -> dict[str, Any]:
    """Return the outcome, without the times of the executors: they are among the timings."""
    rounding = verification.rounding
    return {
        "passed": verification.passed,
        "executors": [
            {
                "executor": result.executor,
                "target": target_of(result.executor),
                "images": result.images,
                "values": result.values,
                "mismatches": result.mismatches,
                "verdict": "equal" if result.passed else "failed",
                "steps": [asdict(count) for count in result.layers],
            }
            for result in verification.equality
        ],
        "not_run": [
            {"executor": item.executor, "target": target_of(item.executor), "reason": item.reason}
            for item in verification.not_run
        ],
        "original": {
            "name": verification.original,
            "passed": rounding.passed,
            "images": rounding.images,
            "class_agreement": rounding.agreement,
            "least_agreement": LEAST_AGREEMENT,
            "outputs_apart": rounding.apart,
            "first_layer_running_free": rounding.first_free,
            "steps": [asdict(layer) for layer in rounding.layers],
        },
        "onnxruntime_class_agreement": verification.onnx_agreement,
    }


def target_of(executor: str) -> str:
    """Return the target of ``x86 avx2, 2 threads``; a twin proves the target that it is built beside."""
    name = executor.partition(" ")[0]
    return _TARGET_OF_TWIN.get(name, name)
