"""Write a file of a format, run it, and prove that nothing but float32 rounding parts it from the reference."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dlk.errors import VerificationError
from dlk.frontends.own_onnx import own
from dlk.interchange import Format
from dlk.interchange.trace import traced
from dlk.ir.files import read_model
from dlk.verify.executors import OUTPUT
from dlk.verify.golden import read_golden
from dlk.verify.reference import Reference
from dlk.verify.rounding import RoundingResult, check_rounding


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it; ``proof`` is None where the package that runs the format is absent."""

    path: Path
    proof: RoundingResult | None


def write(model: Path, golden: Path, path: Path, kind: Format) -> Written:
    """Write the network of a model.onnx to ``path``, which appears when it is whole and proved.

    The proof is the one that the TensorFlow graph passes (``dlk.verify.rounding``): every layer's codes, given the
    file's own input codes.

    Args:
        model: model.onnx of an export.
        golden: its reference.npz, whose images are run.
        path: file to write; its folder exists.
        kind: one of ``FORMATS``.

    Raises:
        DlkError: the export is damaged, or what runs the format refuses the file.
        VerificationError: the file computes something else.
    """
    unfinished = path.with_name(f".unfinished-{path.name}")
    try:
        unfinished.write_bytes(kind.rewrite(read_model(model)).SerializeToString(deterministic=True))
        proof = _prove(model, golden, unfinished, kind) if importlib.util.find_spec(kind.package) else None
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return Written(path, proof)


def _prove(model: Path, golden: Path, file: Path, kind: Format) -> RoundingResult:
    taps = own(read_model(model), str(model))
    run = kind.open(file, [OUTPUT, *(tap.tensor for tap in taps)])
    found = traced(read_golden(golden), run, taps)
    reference = Reference(model)
    result = check_rounding(reference, found, cache(lambda index: reference.trace(found.input[index])))
    if (fault := result.fault) is not None:
        raise VerificationError(
            f"the file does not compute what was trained, by {kind.package}: {fault.what}",
            where=fault.where,
            received=fault.detail,
            fix="report this; the file was not written",
        )
    return result
