"""Whether a network could be converted, and what it would take, before anything is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlk.codegen import fit
from dlk.codegen.memory import MemoryUse, memory_use
from dlk.errors import DlkError, InternalError
from dlk.frontends.onnx import load
from dlk.lowering import lower
from dlk.passes import run_passes
from dlk.targets import TARGETS


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one target says of a network: the memory that it would take there, or why it cannot be converted."""

    target: str
    memory: MemoryUse | None = None
    error: DlkError | None = None


def feasibility(model: Path, meta: Mapping[str, Any], targets: Sequence[str] = tuple(TARGETS)) -> tuple[Verdict, ...]:
    """Return the verdict of each target, by the rules and the memory plan of ``convert``.

    Args:
        model: model.onnx as the export writes it.
        meta: the content of meta.yaml.
        targets: names in ``dlk.targets.TARGETS``.

    Raises:
        InternalError: the converter broke its own promise.
    """
    try:
        graph = load(model)
        run_passes(graph)
        program = lower(graph, meta)
    except InternalError:
        raise
    except DlkError as error:
        return tuple(Verdict(name, error=error) for name in targets)
    verdicts = []
    for name in targets:
        try:
            verdicts.append(Verdict(name, memory=memory_use(fit(program, TARGETS[name])[1])))
        except InternalError:
            raise
        except DlkError as error:
            verdicts.append(Verdict(name, error=error))
    return tuple(verdicts)
