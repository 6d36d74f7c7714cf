"""Options that several verbs share, and what they mean."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from blueoil.console import Console
from blueoil.experiment import Experiment
from blueoil.zoo import experiment_of
from lmnet.zoo import names

Function = TypeVar("Function", bound=Callable[..., Any])

experiment_id = click.option(
    "-e", "--experiment_id", metavar="ID", required=True, help="Experiment, as printed by train."
)
experiment_or_zoo = click.option(
    "-e", "--experiment_id", metavar="ID", help="Experiment, as printed by train; or give --zoo."
)
checkpoint = click.option(
    "-p", "--checkpoint", metavar="NAME", help="best, last, save.ckpt-N or N.  [default: best, else last]"
)
zoo = click.option(
    "--zoo",
    metavar="NAME",
    help=f"A trained network instead: a file *.npz, or one that comes along ({', '.join(names()) or 'none so far'}).",
)
output_dir = click.option(
    "--output_dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="OUTPUT_DIR",
    default=Path("saved"),
    show_default=True,
    show_envvar=True,
    help="Folder of all experiments.",
)
plugins = click.option(
    "--plugin",
    "plugins",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE.py",
    help="Own code to run first, beside the config's PLUGINS; may be given again.",
)
as_json = click.option("--json", "machine", is_flag=True, help="Print one JSON object on stdout, the rest on stderr.")


def _remember_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(dict)["debug"] = True


debug = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_remember_debug,
    help="Print the traceback of an internal error.",
)


def data(purpose: str) -> Callable[[Function], Function]:
    """Return the option ``--data``; ``purpose`` ends its help."""
    return click.option(
        "--data",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help=f"With --zoo: dataset in CamVid's format {purpose}",
    )


def subject(experiment_id: str | None, zoo: str | None, root: Path, console: Console) -> Experiment:
    """Return the experiment of ``-e``, or the one that the network of ``--zoo`` becomes.

    Raises:
        click.UsageError: not exactly one of them is given.
    """
    if zoo is not None and experiment_id is None:
        return experiment_of(zoo, root, console)
    if experiment_id is not None and zoo is None:
        return Experiment.open(root, experiment_id)
    raise click.UsageError("give either an experiment (-e ID) or a trained network (--zoo NAME)")


def root_words() -> str:
    """Return `` --output_dir X`` for the next command line where it was given by hand, else nothing."""
    ctx = click.get_current_context()
    given = ctx.get_parameter_source("output_dir") is ParameterSource.COMMANDLINE
    return f" --output_dir {shlex.quote(str(ctx.params['output_dir']))}" if given else ""
