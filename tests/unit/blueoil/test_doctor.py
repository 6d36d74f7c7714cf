"""What `blueoil doctor` says of each state that a machine can be in; programs are faked by scripts on the PATH."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from blueoil import cli
from blueoil.doctor import gpus, packages, programs, storage
from blueoil.doctor.check import Check, Finding, State, look
from blueoil.doctor.table import checks
from dlk.hw.sim.build import OLDEST_VERILATOR

ROOT = Path(__file__).parents[3]
Fake = Callable[..., None]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Nothing is on the PATH but what this puts there: a program that prints ``text`` and ends with ``code``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, text: str = "", code: int = 0) -> None:
        (folder / name).write_text(f"#!/bin/sh\nprintf '%s\\n' '{text}'\nexit {code}\n")
        (folder / name).chmod(0o755)

    return make


def rows(capsys: pytest.CaptureFixture[str], *words: str, code: int) -> dict[str, dict[str, Any]]:
    assert cli.run(["doctor", "--json", *words]) == code
    values = json.loads(capsys.readouterr().out)
    assert values["ok"] is (code == 0)
    return {row["name"]: row for row in values["checks"]}


@pytest.mark.parametrize(
    ("text", "code", "state"),
    [
        ("Verilator 5.004 2022-12-14", 0, State.TOO_OLD),
        (f"Verilator {OLDEST_VERILATOR} 2023-01-22", 0, State.OK),
        ("Verilator 5.030 2024-10-27", 0, State.OK),
        ("no number", 0, State.TOO_OLD),
        ("a library is missing", 1, State.UNUSABLE),
    ],
)
def test_a_program_is_judged_by_what_it_tells(fake: Fake, text: str, code: int, state: State) -> None:
    assert programs.verilator().state is State.MISSING
    fake("verilator", text, code)
    assert programs.verilator().state is state


def test_an_emulator_needs_its_c_library_too(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlk.verify import available

    monkeypatch.setattr(available, "this_machine", lambda: "x86_64")
    assert programs.emulator("arm")() == Finding(State.MISSING, "qemu-arm is not installed")
    fake("qemu-arm", "qemu-arm version 7.2.22")
    monkeypatch.setattr(Path, "is_dir", lambda self: True)
    assert programs.emulator("arm")() == Finding(State.OK, "qemu-arm 7.2.22")
    monkeypatch.setattr(Path, "is_dir", lambda self: False)
    assert "no C library" in programs.emulator("arm")().found


def test_the_compiler_is_the_one_that_libraries_are_built_with(fake: Fake) -> None:
    found = programs.compiler()
    assert (found.state, found.found.split()[0]) == (State.OK, "zig")
    assert programs.build_tools().state is State.OK


@pytest.mark.parametrize(("version", "state"), [("14.0.6", State.TOO_OLD), ("19.1.7", State.OK)])
def test_three_programs_of_llvm_belong_together(fake: Fake, version: str, state: State) -> None:
    assert programs.llvm().state is State.MISSING
    for name in ("mca", "objdump", "symbolizer"):
        fake(f"llvm-{name}", f"Debian LLVM version {version}")
    assert programs.llvm().state is state


def test_without_dpkg_the_boot_files_have_another_way(fake: Fake) -> None:
    assert "docker run" in programs.boot_tools().fix
    fake("dpkg-query", "bison installed")
    found = programs.boot_tools()
    assert found.state is State.MISSING
    assert found.fix.startswith("apt install bc device-tree-compiler ")


def test_gpus_are_those_that_tensorflow_sees(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpus.gpus().state is State.MISSING
    fake("nvidia-smi", "Tesla T4, 15360 MiB\nTesla T4, 15360 MiB")
    for answer, state in (("2", State.OK), ("0", State.UNUSABLE), ("", State.UNUSABLE)):
        fake("python", answer)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
        found = gpus.gpus()
        assert found.state is state
        assert "Tesla T4" in found.found
    assert "2 of 2" not in found.found
    fake("nvidia-smi", "no devices", 9)
    assert gpus.gpus().state is State.UNUSABLE


@pytest.mark.parametrize(
    ("wanted", "state"),
    [
        ("numpy>=2.0", State.OK),
        ("numpy>=999", State.TOO_OLD),
        ("numpy<1", State.TOO_NEW),
        ("blueoil-none>=1", State.MISSING),
    ],
)
def test_a_package_is_judged_by_its_range(wanted: str, state: State) -> None:
    found = packages.package(Requirement(wanted))()
    assert found.state is state
    assert found.fix == ("" if state in (State.OK, State.MISSING) else packages.install(wanted))


def test_another_package_may_stand_in() -> None:
    found = packages.package(Requirement("blueoil-none>=1"), Requirement("numpy>=2.0"))()
    assert found.state is State.OK
    assert found.found.startswith("numpy ")


def test_the_ranges_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {str(item) for item in packages.requirements()} == {str(Requirement(x)) for x in project["dependencies"]}
    for extra, lines in project["optional-dependencies"].items():
        assert [packages.without_extra(item) for item in packages.requirements(extra)] == lines
    names = [check.name for check in checks(Path("saved"))]
    extras = {extra: lines for extra, lines in project["optional-dependencies"].items() if extra not in ("cpu", "gpu")}
    assert {Requirement(line).name for lines in extras.values() for line in lines} <= set(names)
    assert len(names) == len(set(names))
    assert {Requirement(line).name for line in project["dependencies"]} <= set(names)


def test_a_folder_is_written_and_has_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.outputs(tmp_path / "new" / "saved")().state is State.OK
    assert not (tmp_path / "new").exists()
    assert storage.outputs(Path("/proc/none"))().state is State.UNUSABLE
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    assert storage.outputs(tmp_path)().state is State.UNUSABLE


def test_a_probe_that_cannot_be_imported_says_what_it_lacks() -> None:
    def probe() -> Finding:
        import blueoil_none  # type: ignore[import-not-found]  # noqa: F401

        raise AssertionError

    found = look(Check("group", "name", probe, "nothing", "pip install none")).finding
    assert (found.state, "blueoil_none" in found.found) == (State.UNUSABLE, True)


def test_what_is_optional_stops_nothing(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, code=0)
    assert found["Verilator"]["state"] == "missing"
    assert found["Verilator"]["fix"] == "apt install verilator"
    assert "not proved" in found["Verilator"]["without"]
    assert "fix" not in found["numpy"]
    assert cli.run(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Next step: blueoil dataset sample CamVid"


def test_what_is_required_gives_exit_code_1_and_its_command(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, "--output_dir", "/proc/none", code=1)
    assert (found["experiments"]["state"], found["experiments"]["required"]) == ("unusable", True)
    assert cli.run(["doctor", "--output_dir", "/proc/none"]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Next step: choose another folder")
    assert last.endswith("; then blueoil doctor")


def test_it_imports_no_tensorflow_and_works_without_numpy() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from blueoil import cli; code = cli.run(['doctor', '--json'])\n"
        "assert not {'tensorflow', 'keras', 'onnx'} & set(sys.modules); sys.exit(code)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": ""})
    assert done.returncode == 0, done.stderr
    states = {row["name"]: row["state"] for row in json.loads(done.stdout)["checks"]}
    assert states["ARMv7"] == "unusable"


def test_a_project_that_is_not_installed_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PROJECT", "blueoil-none")
    blocking = {row.check.name: row for row in map(look, checks(Path("saved"))) if row.check.required and not row.is_ok}
    assert set(blocking) == {"Python", "TensorFlow"}
    assert "blueoil-none is not installed" in blocking["Python"].finding.found
    assert blocking["Python"].fix.endswith("[cpu]'")
