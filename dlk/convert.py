"""From an export folder to a verified package: the pipeline, stage by stage.

Everything is made in ``<export>/unfinished`` and moved into place when the last stage has passed. A conversion that
fails leaves the last good ``output`` as it was, and what it made, logs included, in ``unfinished``.
"""

from __future__ import annotations

import contextlib
import fcntl
import statistics
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from dlk.accelerators import misfitting, simulated, twins
from dlk.build import JobPool, build, check_symbols, prune, trace_program
from dlk.codegen import emit
from dlk.codegen.memory import MemoryUse
from dlk.errors import DlkError
from dlk.frontends.onnx import load
from dlk.frontends.support import Floats, float_layers
from dlk.hw.limits import MisfitError
from dlk.lowering import lower
from dlk.lowering.program import Program
from dlk.package.assemble import META, SOURCE, assemble, read_meta
from dlk.package.board import BoardFiles
from dlk.package.install import discard, install, recover
from dlk.passes import run_passes
from dlk.targets import TARGETS, Target
from dlk.verify.available import Built, is_native
from dlk.verify.executors import LibraryExecutor
from dlk.verify.verification import ORIGINAL, Row, Verification, Verifier

MODEL, REFERENCE = "model.onnx", "reference.npz"
OUTPUT, PROJECT, VERIFICATION, UNFINISHED = "output", "project", "verification.json", "unfinished"
RESULTS = (PROJECT, VERIFICATION, OUTPUT)
GOLDEN_IMAGES = 1  # in the package; one image passes through every value of the code, and outputs are large
LATENCY_RUNS = 5

Report = Callable[[str, str, float], None]


@dataclass(frozen=True, slots=True)
class StageTime:
    """What one stage did, and its wall time in seconds."""

    stage: str
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Conversion:
    """A finished conversion. ``latency_ms``: CPU time of the native library for one image on one thread,
    median of a few runs; None when none is native. ``memory``: what the network takes in the library of each target.
    ``left_out``: optional targets that the network does not fit, and why. ``float_layers``: convolutions in float.
    """

    output: Path
    libraries: dict[str, Path]
    verification: Verification
    latency_ms: float | None
    memory: dict[str, MemoryUse]
    stages: tuple[StageTime, ...]
    left_out: dict[str, MisfitError]
    float_layers: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """Return the verification as a table."""
        return self.verification.rows()


@dataclass(slots=True)
class _Work:
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
    float_layers: tuple[str, ...] = ()
    left_out: dict[str, MisfitError] = field(default_factory=dict)
    program: Program | None = None
    built: list[Built] = field(default_factory=list)
    verifier: Verifier | None = None
    verification: Verification | None = None
    latency_ms: float | None = None
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


def convert(
    export_dir: Path,
    *,
    targets: Sequence[str],
    processors: Path,
    optional: Collection[str] = (),
    report: Report = lambda stage, detail, seconds: None,
    jobs: int | None = None,
    board: BoardFiles | None = None,
    floats: Floats = Floats.ENDS,
) -> Conversion:
    """Convert ``export_dir/model.onnx`` into libraries, prove them, and write ``export_dir/output``.

    targets: names in ``dlk.targets.TARGETS``; those in ``optional`` are left out where the network does not fit their
    accelerator. processors: the folder of lmnet.processors; ``report(stage, detail,
    seconds)`` is called after each stage. board: what goes into the folder ``fpga`` of a package with an accelerator's
    library; what it lacks is named there. floats: which layers may run in float.
    Raises DlkError, and VerificationError when a proof fails.
    """
    work = _Work(
        export_dir,
        export_dir / UNFINISHED,
        _targets(targets),
        optional,
        processors,
        jobs,
        report,
        board or BoardFiles(),
        floats,
    )
    with _only_one(export_dir):
        discard(work.folder)
        work.folder.mkdir()
        for stage in STAGES:
            stage(work)
    assert work.verification is not None  # noqa: S101 - set by the stage verify, or an error was raised
    lib = export_dir / OUTPUT / "models" / "lib"
    libraries = {target.name: lib / target.library for target in work.targets}
    return Conversion(
        export_dir / OUTPUT,
        libraries,
        work.verification,
        work.latency_ms,
        work.memory,
        tuple(work.stages),
        work.left_out,
        work.float_layers,
    )


def _lower(work: _Work) -> None:
    """Read the graph, rewrite it pass by pass, and lower it to plain steps."""
    with work.stage("load", MODEL):
        model = load(work.export / MODEL, floats=work.floats)
        work.float_layers = float_layers(model)
    started = [time.perf_counter()]

    def observe(name: str, _: object) -> None:
        now = time.perf_counter()
        work.stages.append(StageTime("pass", name, now - started[0]))
        work.report("pass", name, now - started[0])
        started[0] = now

    run_passes(model, observe=observe)
    with work.stage("lower") as tell:
        work.program = lower(model, read_meta(work.export / META))
        tell(f"{len(work.program.steps)} steps")
    work.left_out = misfitting(work.program, work.targets, work.optional)
    work.targets = tuple(target for target in work.targets if target.name not in work.left_out)


def _build(work: _Work) -> None:
    """Write and compile the C++ project of every target, side by side; meanwhile run the proof that needs none."""
    targets = [*work.targets, *twins(work.targets)]
    with JobPool(work.jobs) as pool, ThreadPoolExecutor(len(targets)) as threads:
        builds = [threads.submit(_build_target, work, target, pool) for target in targets]
        try:
            original = "ONNX graph" if (work.export / SOURCE).is_file() else ORIGINAL
            with work.stage("reference", f"against the {original}"):
                work.verifier = Verifier(work.export / MODEL, work.export / REFERENCE, original=original)
                work.verifier.check_graph()
            finished, _ = wait(builds, return_when=FIRST_EXCEPTION)
            for item in finished:
                item.result()
            work.built = [item.result() for item in builds]
            _tell_memory(work)
        except BaseException:
            pool.cancel()
            raise


def _tell_memory(work: _Work) -> None:
    """Tell what the network takes. Targets differ in scratch only; the one with the widest vectors speaks for all."""
    with work.stage("memory") as tell:
        most = max(work.memory, key=lambda name: work.memory[name].total)
        tell(work.memory[most].words() + (f" ({most})" if len(work.memory) > 1 else ""))


def _build_target(work: _Work, target: Target, pool: JobPool) -> Built:
    assert work.program is not None  # noqa: S101 - set by the stage before
    project = work.folder / PROJECT / target.name
    with pool.job():
        with work.stage("emit", target.name):
            memory = emit(work.program, project, target)
            if target in work.targets:
                work.memory[target.name] = memory
        with work.stage("build") as tell:
            library = build(project, target, jobs=pool)
            symbols = check_symbols(library)
            glibc = ".".join(map(str, symbols.newest_glibc)) or "any"
            tell(f"{target.library}, {library.stat().st_size / 1024:.0f} KiB, runs with glibc {glibc}")
        return simulated(Built(target, library, trace_program(project)), work.tell)


def _verify(work: _Work) -> None:
    """Compare every library with the reference; a failed proof stops here."""
    assert work.verifier is not None  # noqa: S101 - set by the stage before
    with work.stage("verify") as tell:
        work.verification = work.verifier.verify(work.built)
        work.verification.write(work.folder / VERIFICATION)
        work.verification.require_passed(where=work.folder / VERIFICATION)
        values = sum(result.values for result in work.verification.equality)
        tell(f"{len(work.verification.equality)} executors, {values:,} values, 0 mismatches")


def _measure(work: _Work) -> None:
    """Measure the native library, as a program on the device would call it."""
    assert work.verifier is not None  # noqa: S101 - set by the stage before
    plain = (item for item in work.built if is_native(item.target) and not item.target.accelerated)
    native = next(plain, None)
    if native is None:
        return
    with work.stage("measure") as tell:
        values = work.verifier.golden.input[0]
        with LibraryExecutor(native.library, name=native.target.name) as library:
            library.run(values)
            times = []
            for _ in range(LATENCY_RUNS):
                started = time.thread_time()  # the machine may be shared
                library.run(values)
                times.append(time.thread_time() - started)
            work.latency_ms = statistics.median(times) * 1000
            tell(f"{work.latency_ms:.2f} ms of CPU time an image on this machine ({native.target.name}, {library.isa})")


def _package(work: _Work) -> None:
    """Put the package together, and everything into its place."""
    assert work.verifier is not None  # noqa: S101 - set by an earlier stage
    packed = [item for item in work.built if item.target in work.targets]
    with work.stage("package", str(work.export / OUTPUT)):
        count = min(GOLDEN_IMAGES, len(work.verifier.golden))
        assemble(
            work.folder / OUTPUT,
            export=work.export,
            libraries={item.target.name: item.library for item in packed},
            processors=work.processors,
            images=work.verifier.golden.images[:count],
            outputs=work.verifier.outputs(count),
            board=work.board if any(item.target.accelerated for item in packed) else None,
        )
        for item in work.built:
            prune(work.folder / PROJECT / item.target.name, *([] if item in packed else [item.library.name]))
        install(work.folder, work.export, RESULTS)


STAGES: tuple[Callable[[_Work], None], ...] = (_lower, _build, _verify, _measure, _package)


def _targets(names: Sequence[str]) -> tuple[Target, ...]:
    unknown = [name for name in names if name not in TARGETS]
    if unknown or not names:
        raise DlkError(
            "there is no such target" if unknown else "no target was named",
            expected=", ".join(TARGETS),
            received=", ".join(unknown) or "nothing",
        )
    return tuple(TARGETS[name] for name in dict.fromkeys(names))


@contextlib.contextmanager
def _only_one(export: Path) -> Iterator[None]:
    """Hold the export folder against a second conversion at the same time."""
    if not (export / MODEL).is_file():
        raise DlkError("there is nothing to convert", where=str(export), expected=f"a folder with {MODEL}")
    with (export / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DlkError("another conversion is at work", where=str(export), fix="wait for its end") from error
        recover(export / UNFINISHED, export, RESULTS)
        yield
