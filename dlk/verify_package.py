"""The proof of a finished package, once more."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlk.accelerators import simulated, twins
from dlk.build import build_folder, trace_program
from dlk.convert import MODEL, OUTPUT, PROJECT, REFERENCE, Report
from dlk.errors import DlkError, VerificationError
from dlk.package.assemble import GOLDEN, GRAPH, META, read_meta, sha256
from dlk.package.board import FOLDER as BOARD_FOLDER
from dlk.targets import TARGETS
from dlk.verify.available import Built
from dlk.verify.verification import Verification, Verifier


def verify_package(export_dir: Path, *, report: Report = lambda stage, detail, seconds: None) -> Verification:
    """Check the hashes of a finished package and run both proofs on its libraries again.

    Raises DlkError when the folder is no finished conversion, VerificationError when anything differs.
    """
    models = export_dir / OUTPUT / "models"
    meta = read_meta(models / META)
    targets = [TARGETS[name] for name in _mapping(meta, "libraries", models) if name in TARGETS]
    hashes = _mapping(meta, "hashes", models)
    for name in {*hashes, GRAPH, GOLDEN, *(f"lib/{target.library}" for target in targets)}:
        path = _file(models, str(name))
        if not path.is_file() or sha256(path) != hashes.get(name):
            raise VerificationError(
                "a file of the package is not the one that was verified",
                where=str(path),
                fix="convert the checkpoint again: blueoil convert",
            )
    built = [
        Built(target, models / "lib" / target.library, trace_program(export_dir / PROJECT / target.name))
        for target in targets
    ]
    for twin in twins(targets):
        project = export_dir / PROJECT / twin.name
        built.append(Built(twin, build_folder(project) / twin.library, trace_program(project)))
    if not built or not all(item.program.is_file() for item in built):
        raise _unfinished(export_dir)
    built = [simulated(item, report) for item in built]
    started = time.perf_counter()
    verification = Verifier(export_dir / MODEL, export_dir / REFERENCE).verify(built)
    report("verify", f"{len(verification.equality)} executors", time.perf_counter() - started)
    verification.require_passed(where=models)
    return verification


def _file(models: Path, name: str) -> Path:
    """Return a file that meta.yaml names: one of models/, of models/lib/ or of the board's folder beside, no other."""
    parts = Path(name)
    if parts.parent == Path("..", BOARD_FOLDER):
        return models.parent / BOARD_FOLDER / parts.name
    return models / parts.parent.name / parts.name


def _mapping(meta: Mapping[str, Any], key: str, models: Path) -> dict[str, Any]:
    values = meta.get(key)
    if not isinstance(values, dict):
        raise _unfinished(models / META)
    return values


def _unfinished(where: Path) -> DlkError:
    return DlkError("not a finished conversion", where=str(where), fix="convert the checkpoint again")
