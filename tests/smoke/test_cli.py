"""The command line as a user's shell sees it: verbs, helps, exit codes, and what a call imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from blueoil import __version__, cli
from blueoil.errors import BlueoilError

HEAVY = {"tensorflow", "keras", "pydantic", "rich", "matplotlib", "numpy", "PIL", "yaml", "inquirer", "lmnet", "dlk"}


def blueoil(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])}
    command = [sys.executable, "-m", "blueoil", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from blueoil import cli; assert cli.run(['--help']) == 0;"
        f"found = {sorted(HEAVY)!r}; found = [n for n in found if n in sys.modules]; assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(verb in done.stdout for verb in cli.VERBS)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_tells_its_options_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([verb, "--help"]) == cli.OK
    text = capsys.readouterr().out
    assert f"Usage: blueoil {verb}" in text
    assert "Example:" in text
    assert f"  blueoil {verb} " in text


def test_no_verb_imports_tensorflow_to_tell_its_options() -> None:
    code = (
        "import sys; from blueoil import cli\n"
        "for verb in cli.VERBS: assert cli.run([verb, '--help']) == 0\n"
        "found = {'tensorflow', 'keras'} & set(sys.modules); assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_verb_but_the_groups_takes_json_and_debug() -> None:
    context = click.Context(cli.group)
    for verb in cli.VERBS:
        command = cli.group.get_command(context, verb)
        assert command is not None
        leaves = command.commands.values() if isinstance(command, click.Group) else [command]
        for leaf in leaves:
            assert {"--json", "--debug"} <= {word for option in leaf.params for word in option.opts}, leaf.name


def test_bare_call_prints_help_and_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == cli.OK
    assert capsys.readouterr().out.startswith("Usage: blueoil")
    assert cli.run(["--version"]) == cli.OK
    assert capsys.readouterr().out.strip() == f"blueoil, version {__version__}"
    project = tomllib.loads((Path(cli.__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert project.get("version", __version__) == __version__


def test_a_wrong_word_is_the_users_mistake() -> None:
    done = blueoil("trian")
    assert done.returncode == cli.USER_ERROR
    assert "No such command 'trian'" in done.stderr
    assert "Traceback" not in done.stderr
    assert blueoil("train", "--colour").returncode == cli.USER_ERROR


def _command_that(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail() -> None:
        raise error

    command = click.Command("train", callback=fail, context_settings={"ignore_unknown_options": True})
    command.allow_extra_args = True
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: SimpleNamespace(command=command))


class _FailedError(Exception):
    exit_code = 3
    what = "codes differ"


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (BlueoilError("wrong size", where="a.py, line 3", expected="8", received="7", fix="write 8"), 1, "wrong size"),
        (_FailedError("codes differ in conv3"), 3, "codes differ in conv3"),
        (PermissionError(13, "Permission denied", "saved"), 1, "Permission denied"),
        (NotADirectoryError(20, "Not a directory", "a.py/x"), 1, "a.py/x"),
        (OSError(28, "No space left on device", "saved/x"), 1, "No space left on device"),
        (click.UsageError("no such option"), 1, "no such option"),
        (KeyboardInterrupt(), 130, "Stopped by Ctrl-C."),
    ],
)
def test_errors_have_their_exit_code_and_no_traceback(
    error: BaseException, code: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _command_that(monkeypatch, error)
    assert cli.run(["train"]) == code
    captured = capsys.readouterr()
    assert told in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_an_error_tells_where_expected_received_and_fix(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _command_that(monkeypatch, BlueoilError("wrong", where="f", expected="a", received="b", fix="c"))
    cli.run(["train"])
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["Error: wrong", "  where: f", "  expected: a", "  received: b", "  fix: c"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BlueoilError("wrong", where="f", fix="c"), {"what": "wrong", "where": "f", "fix": "c"}),
        (ZeroDivisionError("by zero"), {"what": "ZeroDivisionError: by zero"}),
        (click.UsageError("no such option"), {"what": "no such option"}),
        (KeyboardInterrupt(), {"what": "stopped by Ctrl-C"}),
    ],
)
def test_json_tells_an_error_as_one_object(
    error: BaseException, told: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _command_that(monkeypatch, error)
    monkeypatch.setattr(cli, "_keep_traceback", lambda *_, **__: None)
    assert cli.run(["train", "--json"]) != cli.OK
    assert json.loads(capsys.readouterr().out) == {"error": told}


def test_our_own_fault_exits_2_and_keeps_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cli.tempfile, "tempdir", str(tmp_path))
    _command_that(monkeypatch, ZeroDivisionError("division by zero"))
    assert cli.run(["train"]) == cli.INTERNAL_ERROR
    told = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in told
    assert "Traceback" not in told
    (log,) = tmp_path.iterdir()
    assert str(log) in told
    assert "Traceback" in log.read_text()

    assert cli.run(["--debug", "train"]) == cli.INTERNAL_ERROR
    assert "Traceback" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 1
