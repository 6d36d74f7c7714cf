"""From an export folder to a verified package: the pipeline, stage by stage.

Everything is made in ``<export>/unfinished`` and moved into place when the last stage has passed. A conversion that
fails leaves the last good ``output`` as it was, and what it made, logs included, in ``unfinished``.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

import onnx_ir as ir

from dlk.accelerators import misfitting, simulated, twins
from dlk.build import JobPool, build, check_symbols, prune, trace_program
from dlk.codegen import emit
from dlk.conversion import Conversion, Page, Report, Work
from dlk.errors import DlkError
from dlk.frontends.onnx import load
from dlk.frontends.support import Floats
from dlk.lowering import lower
from dlk.package.assemble import META, SOURCE, assemble, read_meta, sha256
from dlk.package.board import BoardFiles
from dlk.package.install import discard, install, recover
from dlk.passes import run_passes
from dlk.profile.native import measure_native
from dlk.report.document import document, write
from dlk.report.graph import GraphRecord
from dlk.report.source import Source, layers_of
from dlk.targets import TARGETS, Target
from dlk.verify.available import Built
from dlk.verify.verification import ORIGINAL, Verifier

MODEL, REFERENCE = "model.onnx", "reference.npz"
OUTPUT, PROJECT, VERIFICATION, UNFINISHED = "output", "project", "verification.json", "unfinished"
DOCUMENT, PAGE = "report.json", "report.html"
RESULTS = (PROJECT, VERIFICATION, DOCUMENT, PAGE, OUTPUT)
GOLDEN_IMAGES = 1  # in the package; one image passes through every value of the code, and outputs are large


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
    page: Page | None = None,
) -> Conversion:
    """Convert ``export_dir/model.onnx`` into libraries, prove them, and write ``export_dir/output`` and a report.

    targets: names in ``dlk.targets.TARGETS``; those in ``optional`` are left out where the network does not fit their
    accelerator. processors: the folder of lmnet.processors; ``report(stage, detail,
    seconds)`` is called after each stage. board: what goes into the folder ``fpga`` of a package with an accelerator's
    library; what it lacks is named there. floats: which layers may run in float. page: makes the text
    of ``report.html`` out of the document of ``report.json``; without it there is no such file afterwards.
    Raises DlkError, and VerificationError when a proof fails.
    """
    work = Work(
        export_dir,
        export_dir / UNFINISHED,
        _targets(targets),
        optional,
        processors,
        jobs,
        report,
        board or BoardFiles(),
        floats,
        page,
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
        work.latency.milliseconds if work.latency is not None else None,
        work.memory,
        tuple(work.stages),
        work.left_out,
        export_dir / (DOCUMENT if page is None else PAGE),
        tuple(work.graph.floats),
    )


def _lower(work: Work) -> None:
    """Read the graph, rewrite it pass by pass, and lower it to plain steps."""
    with work.stage("load", MODEL):
        model = load(work.export / MODEL, floats=work.floats)
        work.graph = GraphRecord.of(model)
    started = [time.perf_counter()]

    def observe(name: str, passed: ir.Model) -> None:
        work.tell("pass", name, time.perf_counter() - started[0])
        work.graph.after(name, passed)
        started[0] = time.perf_counter()

    run_passes(model, observe=observe)
    with work.stage("lower") as tell:
        work.program = lower(model, read_meta(work.export / META))
        tell(f"{len(work.program.steps)} steps")
    work.left_out = misfitting(work.program, work.targets, work.optional)
    work.targets = tuple(target for target in work.targets if target.name not in work.left_out)


def _build(work: Work) -> None:
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


def _tell_memory(work: Work) -> None:
    """Tell what the network takes. Targets differ in scratch only; the one with the widest vectors speaks for all."""
    with work.stage("memory") as tell:
        most = max(work.memory, key=lambda name: work.memory[name].total)
        tell(work.memory[most].words() + (f" ({most})" if len(work.memory) > 1 else ""))


def _build_target(work: Work, target: Target, pool: JobPool) -> Built:
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


def _verify(work: Work) -> None:
    """Compare every library with the reference; a failed proof stops here."""
    assert work.verifier is not None  # noqa: S101 - set by the stage before
    with work.stage("verify") as tell:
        work.verification = work.verifier.verify(work.built)
        work.verification.write(work.folder / VERIFICATION)
        work.verification.require_passed(where=work.folder / VERIFICATION)
        values = sum(result.values for result in work.verification.equality)
        tell(f"{len(work.verification.equality)} executors, {values:,} values, 0 mismatches")


def _measure(work: Work) -> None:
    """Measure the native library, as a program on the device would call it."""
    started = time.perf_counter()
    found = work.latency = measure_native(work.built)
    if found is not None:
        words = f"{found.milliseconds:.2f} ms of CPU time an image on this machine ({found.target}, {found.isa})"
        work.tell("measure", words, time.perf_counter() - started)


def _report(work: Work) -> None:
    """Write the document of what was done, and the page of it where somebody makes one."""
    assert work.program is not None and work.verification is not None  # noqa: S101 - set by earlier stages
    with work.stage("report", PAGE if work.page is not None else DOCUMENT):
        found = document(
            Source(
                model=sha256(work.export / MODEL),
                graph=work.graph,
                program=work.program,
                layers=layers_of(work.program),
                targets=work.targets,
                built=work.built,
                memory=work.memory,
                left_out=work.left_out,
                verification=work.verification,
                latency=work.latency,
                stages=work.stages,
            )
        )
        write(found, work.folder / DOCUMENT)
        if work.page is not None:
            (work.folder / PAGE).write_text(work.page(found), encoding="utf-8")


def _package(work: Work) -> None:
    """Put the package together."""
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


def _install(work: Work) -> None:
    """Put everything into its place; a page of another conversion goes."""
    install(work.folder, work.export, RESULTS, without=() if work.page is not None else (PAGE,))


STAGES: tuple[Callable[[Work], None], ...] = (_lower, _build, _verify, _measure, _report, _package, _install)


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
