"""A conversion under way, as its stages hand it on, and a finished one."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlk.codegen.memory import MemoryUse
from dlk.frontends.support import Floats
from dlk.hw.limits import MisfitError
from dlk.lowering.program import Program
from dlk.package.board import BoardFiles
from dlk.profile.native import NativeLatency
from dlk.report.graph import GraphRecord
from dlk.report.source import StageTime
from dlk.targets import Target
from dlk.verify.available import Built
from dlk.verify.verification import Row, Verification, Verifier

Report = Callable[[str, str, float], None]
Page = Callable[[Mapping[str, Any]], str]
"""Makes a page, as text, of the report's document."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A finished conversion. ``latency_ms``: CPU time of the native library for one image on one thread,
    median of a few runs; None when none is native. ``memory``: what the network takes in the library of each target.
    ``left_out``: optional targets that the network does not fit, and why. ``float_layers``: convolutions in float.
    ``report``: the page about all this, or its document where no page was made.
    """

    output: Path
    libraries: dict[str, Path]
    verification: Verification
    latency_ms: float | None
    memory: dict[str, MemoryUse]
    stages: tuple[StageTime, ...]
    left_out: dict[str, MisfitError]
    report: Path
    float_layers: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """Return the verification as a table."""
        return self.verification.rows()


@dataclass(slots=True)
class Work:
    """What the stages hand to each other."""

    export: Path
    folder: Path
    targets: tuple[Target, ...]
    optional: Collection[str]
    processors: Path
    jobs: int | None
    report: Report
    board: BoardFiles
    floats: Floats = Floats.ENDS
    page: Page | None = None
    graph: GraphRecord = field(default_factory=GraphRecord)
    left_out: dict[str, MisfitError] = field(default_factory=dict)
    program: Program | None = None
    built: list[Built] = field(default_factory=list)
    verifier: Verifier | None = None
    verification: Verification | None = None
    latency: NativeLatency | None = None
    memory: dict[str, MemoryUse] = field(default_factory=dict)
    stages: list[StageTime] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[Callable[[str], None]]:
        """Time a stage and report it when it has ended well; the value sets the detail. Stages may overlap."""
        told = [detail]
        started = time.perf_counter()
        yield lambda text: told.__setitem__(0, text)
        self.tell(name, told[0], time.perf_counter() - started)

    def tell(self, stage: str, detail: str, seconds: float) -> None:
        """Note and report a finished stage; from any thread."""
        with self.lock:
            self.stages.append(StageTime(stage, detail, seconds))
            self.report(stage, detail, seconds)
