"""convert from the export folder to the package, and the three faults that verification must find and name."""

from __future__ import annotations

import fcntl
import json
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conversions import Done, convert, fingerprint
from exports import CLASSES, PROCESSORS, REPOSITORY, SIZE
from faults import expect_failure, flip_weight, lose_threshold, turn_normalisation
from packages import bare_site, run_device

import dlk.convert
from dlk.build import JobPool
from dlk.codegen.memory import MemoryUse
from dlk.errors import DlkError, VerificationError
from dlk.lowering.program import Program
from dlk.targets import TARGETS, Target
from dlk.verify_package import verify_package

X86 = TARGETS["x86"]
PAGE = REPOSITORY / "docs" / "report.md"


@pytest.fixture
def export(done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished export folder, where a next conversion compiles only what changed."""
    monkeypatch.setattr(dlk.convert, "build", done.build)
    shutil.copytree(done.export, tmp_path / "export")
    return tmp_path / "export"


def test_a_conversion_is_proved_packed_and_told(done: Done) -> None:
    conversion = done.conversion
    assert conversion.verification.passed
    rows = {row.executor: row for row in conversion.rows}
    assert rows["x86 portable"].verdict == "equal"
    threaded = [row for row in rows.values() if row.executor.endswith(", 2 threads")]
    assert [(row.verdict, row.values) for row in threaded] == [("equal", rows["x86 portable"].values)]
    assert rows["x86 from pixels"].values == 2 * SIZE[0] * SIZE[1] * len(CLASSES)
    assert {row.verdict for row in conversion.rows} <= {"equal", "within rounding", "not run"}
    assert conversion.latency_ms is not None and 0 < conversion.latency_ms < 1000
    assert conversion.output == done.export / "output"
    assert conversion.libraries == {"x86": done.export / "output/models/lib/libdlk_x86.so"}
    assert conversion.libraries["x86"].is_file()
    document = json.loads((done.export / "verification.json").read_text())
    assert document["passed"] is True
    assert [layer["layer"] for layer in document["executors"][0]["layers"]][-2:] == ["conv4", "output"]
    stages = [stage for stage, _, _ in done.events]
    order = [
        stages.index(name)
        for name in ("load", "pass", "lower", "emit", "build", "memory", "verify", "measure", "report", "package")
    ]
    assert order == sorted(order)
    assert ("pass", "compute_thresholds") in [(stage, detail) for stage, detail, _ in done.events]
    assert ("memory", conversion.memory["x86"].words()) in [(stage, detail) for stage, detail, _ in done.events]
    assert [stage.seconds for stage in conversion.stages] == [seconds for _, _, seconds in done.events]


def test_nothing_unfinished_is_left(done: Done) -> None:
    assert {path.name for path in done.export.iterdir() if not path.name.startswith(".")} == {
        "model.onnx", "meta.yaml", "minimal_graph_with_shape.pb", "reference.npz", "output", "project",
        "verification.json", "report.json",
    }  # fmt: skip
    assert [path.name for path in (done.export / "project/x86/build").iterdir()] == ["dlk_trace"]


def test_the_package_passes_its_own_self_test(done: Done, tmp_path: Path) -> None:
    site = bare_site(tmp_path / "site")
    result = run_device(done.conversion.output / "python/run.py", site, "--self-test")
    assert result.returncode == 0, result.stderr
    assert f"{SIZE[0] * SIZE[1] * len(CLASSES)} output values" in result.stderr


@pytest.mark.parametrize(("layer", "bit"), [("conv2", 0), ("conv3", 5), ("conv4", 200)])
def test_one_weight_bit_of_a_library_is_found(
    export: Path, done: Done, monkeypatch: pytest.MonkeyPatch, layer: str, bit: int
) -> None:
    flip_weight(monkeypatch, done, layer, bit)
    expect_failure(export, layer)


def test_one_threshold_is_found(export: Path, done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_threshold(monkeypatch, done, "conv3")
    expect_failure(export, "conv3")


def test_one_sign_of_a_normalisation_is_found(export: Path, done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    turn_normalisation(monkeypatch, done, "conv4")
    expect_failure(export, "conv4")


def break_cmake(monkeypatch: pytest.MonkeyPatch, export: Path) -> None:
    emit = dlk.convert.emit

    def broken(program: Program, project: Path, target: Target) -> MemoryUse:
        use = emit(program, project, target)
        (project / "CMakeLists.txt").write_text('message(FATAL_ERROR "this was broken on purpose")\n')
        return use

    monkeypatch.setattr(dlk.convert, "emit", broken)
    monkeypatch.setattr(dlk.convert, "build", dlk.build.build)


def break_graph(monkeypatch: pytest.MonkeyPatch, export: Path) -> None:
    (export / "model.onnx").write_bytes((export / "model.onnx").read_bytes()[:100])


def break_golden(monkeypatch: pytest.MonkeyPatch, export: Path) -> None:
    (export / "reference.npz").write_bytes(b"")


def break_meta(monkeypatch: pytest.MonkeyPatch, export: Path) -> None:
    (export / "meta.yaml").write_text("- 1\n")


def break_package(monkeypatch: pytest.MonkeyPatch, export: Path) -> None:
    (export / "minimal_graph_with_shape.pb").unlink()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (break_cmake, "this was broken on purpose"),
        (break_graph, "model.onnx"),
        (break_golden, "reference.npz"),
        (break_meta, "meta.yaml"),
        (break_package, "minimal_graph_with_shape.pb"),
    ],
)
def test_a_failed_stage_leaves_the_last_good_output(
    export: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[pytest.MonkeyPatch, Path], None], told: str
) -> None:
    before = fingerprint(export / "output")
    damage(monkeypatch, export)
    with pytest.raises(DlkError) as caught:
        convert(export)
    assert told in str(caught.value)
    assert caught.value.exit_code == 1
    assert fingerprint(export / "output") == before
    if damage is break_cmake:
        assert caught.value.where == str(export / "unfinished/project/x86/build.log")
        assert told in Path(caught.value.where).read_text()


def test_the_next_conversion_replaces_the_output_and_clears_what_failed(export: Path) -> None:
    (export / "unfinished").mkdir()
    (export / "unfinished/rubbish").write_text("")
    (export / "output/rubbish").write_text("")
    assert convert(export).verification.passed
    assert not (export / "unfinished").exists()
    assert not (export / "output/rubbish").exists()


def test_two_conversions_of_one_folder_are_refused(export: Path) -> None:
    with (export / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DlkError, match="another conversion"):
            convert(export)


def test_targets_and_folder_are_checked_first(export: Path, tmp_path: Path) -> None:
    with pytest.raises(DlkError, match="no such target"):
        convert(export, "x86", "vax")
    with pytest.raises(DlkError, match="nothing to convert"):
        convert(tmp_path)


def test_a_finished_package_can_be_verified_again_and_damage_is_found(export: Path) -> None:
    assert verify_package(export).passed
    library = export / "output/models/lib/libdlk_x86.so"
    data = bytearray(library.read_bytes())
    data[len(data) // 2] ^= 1
    library.write_bytes(data)
    with pytest.raises(VerificationError, match="not the one that was verified"):
        verify_package(export)


@pytest.mark.parametrize("key", ["hashes", "libraries"])
@pytest.mark.parametrize("value", [None, [], "x"])
def test_a_package_without_its_facts_is_not_verified(export: Path, key: str, value: object) -> None:
    path = export / "output/models/meta.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), key: value}))
    with pytest.raises(DlkError, match="not a finished conversion"):
        verify_package(export)


def test_a_package_that_forgets_a_hash_is_not_verified(export: Path) -> None:
    path = export / "output/models/meta.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "hashes": {}}))
    with pytest.raises(VerificationError, match="not the one that was verified"):
        verify_package(export)


def test_a_target_that_fails_stops_the_others_and_is_the_one_that_is_told(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(done.export, tmp_path / "export")
    before = fingerprint(tmp_path / "export" / "output")
    stopped: list[str] = []

    def build(project: Path, target: Target, *, jobs: JobPool) -> Path:
        if target.name == "aarch64":
            raise DlkError("aarch64 is broken")
        assert jobs.cancelled.wait(60)
        stopped.append(target.name)
        raise DlkError("the build was stopped")

    monkeypatch.setattr(dlk.convert, "build", build)
    with pytest.raises(DlkError, match="aarch64 is broken"):
        dlk.convert.convert(tmp_path / "export", targets=("x86", "aarch64"), processors=PROCESSORS, jobs=2)
    assert stopped == ["x86"]
    assert fingerprint(tmp_path / "export" / "output") == before


def test_targets_built_side_by_side_are_timed_each(done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both builds wait for each other: neither could end if they ran one after the other."""
    shutil.copytree(done.export, tmp_path / "export")
    meeting = threading.Barrier(2)

    def build(project: Path, target: Target, *, jobs: JobPool) -> Path:
        meeting.wait(60)
        raise DlkError("enough seen")

    monkeypatch.setattr(dlk.convert, "build", build)
    stages: list[str] = []
    with pytest.raises(DlkError, match="enough seen"):
        dlk.convert.convert(
            tmp_path / "export",
            targets=("x86", "arm"),
            processors=PROCESSORS,
            jobs=2,
            report=lambda stage, detail, _: stages.append(f"{stage} {detail}"),
        )
    assert {"emit x86", "emit arm", "reference against the TensorFlow graph"} <= set(stages)


def diff_of_the_page(folder: Path) -> str:
    """Run the commands of docs/report.md that copy and compare, ``folder`` being the report's; return what is told."""
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    copy, again, compare = (shlex.split(line) for line in block.splitlines())
    assert again == ["blueoil", "convert", "-e", "first"]
    there = Path(copy[1]).parent
    words = [str(folder / Path(word).name) if Path(word).parent == there else word for word in compare]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_a_diff_of_two_conversions_shows_the_clock_alone(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = tmp_path / "another folder"
    shutil.copytree(done.export, export)
    shutil.copy(export / "report.json", export / "before.json")
    (export / "report.html").write_text("of another conversion")
    monkeypatch.setattr(dlk.convert, "build", done.build)
    assert convert(export).report == export / "report.json"
    assert not (export / "report.html").exists(), "nobody made a page: an old one may not tell of this conversion"
    lines = (export / "report.json").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) < 200, "one value a line"
    begin = next(number for number, line in enumerate(lines, 1) if line.strip() == '"timings": {')
    changed = re.findall(r"^[\d,]+[acd](\d+)", diff_of_the_page(export), re.MULTILINE)
    assert changed and min(map(int, changed)) > begin
    before = (export / "before.json").read_text(encoding="utf-8")
    (export / "before.json").write_text(before.replace('"macs": ', '"macs": 1', 1))
    assert min(map(int, re.findall(r"^(\d+)", diff_of_the_page(export), re.MULTILINE))) < begin
