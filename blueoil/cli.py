"""The verbs of ``blueoil`` and its exit codes.

A verb's module is imported when the verb is called, so that ``blueoil --help`` answers at once and a missing TensorFlow
hurts nobody who only writes a config.

Exit codes: 0 done, 1 the user's mistake, 2 ours, 3 a failed verification, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from blueoil import __version__
from blueoil.console import Console

OK, USER_ERROR, INTERNAL_ERROR, VERIFICATION_ERROR, INTERRUPTED = 0, 1, 2, 3, 130

VERBS = {
    "init": "Ask the questions and write a config file.",
    "train": "Train the network of a config file, or go on with an experiment.",
    "tune": "Search for the values of a config that learn best.",
    "evaluate": "Measure a checkpoint, or its libraries, on the validation images.",
    "predict": "Run a checkpoint on a folder of images.",
    "convert": "Make the native libraries of a checkpoint and prove them equal to it.",
    "export": "Write a checkpoint as ONNX or QONNX for other tools, and prove the file.",
    "verify": "Prove the libraries of a converted checkpoint again.",
    "profile": "Time each layer of a library beside what the machine could do.",
    "zoo": "List the trained networks that come along, or pack one.",
    "dataset": "Draw a sample dataset, check one, or tell what one holds.",
    "doctor": "Look at what is installed here, and tell the command for what is not.",
    "demo": "Go the whole way on a small drawn dataset, in a few minutes.",
}
"""Verb and one line about it; verb ``v`` is the click command ``command`` of module ``blueoil.commands.v``."""

_PATH_FAULTS = (PermissionError, NotADirectoryError)
_DISK_FAULTS = {errno.ENOSPC, errno.EROFS, errno.EDQUOT}


class _Verbs(click.Group):
    """A click group that imports a verb's module when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"blueoil.commands.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - held by a test of every verb
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.version_option(__version__, prog_name="blueoil")
@click.option("--debug", is_flag=True, help="Print the traceback of an internal error.")
@click.pass_context
def group(ctx: click.Context, debug: bool) -> None:
    """Train networks with 1-bit weights and 2-bit activations, and get native libraries proved equal to them.

    \b
    Example:
      blueoil dataset sample CamVid
      blueoil init -o config/camvid.py
      blueoil train -c config/camvid.py
      blueoil convert -e EXPERIMENT

    Exit codes: 0 done, 1 a mistake in the input, 2 a fault of Blueoil, 3 a failed verification, 130 stopped by Ctrl-C.
    """
    if debug:
        ctx.obj["debug"] = True


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code.

    Errors are told on stderr and never as a traceback; with ``--json`` stdout carries ``{"error": {...}}`` too.
    """
    state = {"debug": bool(os.environ.get("BLUEOIL_DEBUG"))}
    console = Console(machine="--json" in arguments)
    try:
        code = group.main(args=list(arguments) or ["--help"], prog_name="blueoil", standalone_mode=False, obj=state)
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nStopped by Ctrl-C.", err=True)
        console.result({"error": {"what": "stopped by Ctrl-C"}})
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        console.result({"error": {"what": error.format_message()}})
        return USER_ERROR
    except BrokenPipeError:
        # The reader of our output left. Point stdout elsewhere, else Python complains once more on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USER_ERROR
    except Exception as error:  # the one place that turns anything into an exit code
        console.result({"error": _facts(error)})
        return _tell(error, debug=state["debug"])
    return code if isinstance(code, int) else OK


def _facts(error: Exception) -> dict[str, str]:
    """Return what an error says as values; those it leaves open are left out."""
    told = {name: getattr(error, name, None) for name in ("where", "expected", "received", "fix")}
    what = getattr(error, "what", None) or f"{type(error).__name__}: {error}"
    return {"what": str(what), **{name: str(text) for name, text in told.items() if text}}


def _tell(error: Exception, *, debug: bool) -> int:
    """Print the report of an error; return its exit code."""
    if hasattr(error, "what") and hasattr(error, "exit_code"):
        click.echo(f"Error: {error}", err=True)
        code = int(error.exit_code)
        if debug or code == INTERNAL_ERROR:
            _keep_traceback(error, show=debug)
        return code
    if isinstance(error, _PATH_FAULTS) or (isinstance(error, OSError) and error.errno in _DISK_FAULTS):
        where = error.filename or "unknown file"
        click.echo(f"Error: {error.strerror}\n  where: {where}\n  fix: choose a place that can be written", err=True)
        return USER_ERROR
    reason = str(error).strip().splitlines()
    click.echo(f"Error: Blueoil failed: {type(error).__name__}: {reason[0] if reason else 'no reason given'}", err=True)
    _keep_traceback(error, show=debug)
    return INTERNAL_ERROR


def _keep_traceback(error: Exception, *, show: bool) -> None:
    """Print the traceback, or keep it in a log file and say where."""
    lines = "".join(traceback.format_exception(error))
    if show:
        click.echo(lines, err=True)
        return
    handle, name = tempfile.mkstemp(prefix="blueoil-error-", suffix=".log")
    os.close(handle)
    Path(name).write_text(lines, encoding="utf-8")
    click.echo(
        f"  log: {name}\n  fix: this is a fault of Blueoil; please report it with the log (--debug shows it)", err=True
    )
