"""``blueoil init``: questions -> config file."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blueoil.commands import options
from blueoil.console import Console
from blueoil.errors import BlueoilError
from blueoil.files import write_text

if TYPE_CHECKING:
    from blueoil.config.questions import Answers

_SUFFIXES = (".py", ".yaml", ".yml")


@click.command("init")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Config file to write.  [default: MODEL_NAME.py]")
@click.option("--answers", type=click.Path(path_type=Path), metavar="FILE.yaml", help="Take the answers from a file.")
@click.option("--defaults", is_flag=True, help="Take the default of every question that has no answer yet.")
@click.option(
    "--recipe",
    type=click.Choice(("measured", "tutorial")),
    default="measured",
    show_default=True,
    help="What stands beside the answers: values measured on CamVid, or nothing that the tutorial had not.",
)
@click.option("--force", is_flag=True, help="Overwrite the output without asking.")
@options.as_json
@options.debug
@click.argument("words", nargs=-1, metavar="[QUESTION=ANSWER]...")
def command(
    output: Path | None,
    answers: Path | None,
    defaults: bool,
    recipe: str,
    force: bool,
    machine: bool,
    words: tuple[str, ...],
) -> None:
    """Ask the questions and write a config file: commented Python, or YAML where the output ends in .yaml.

    \b
    Example:
      blueoil init -o config/camvid.py
      blueoil init -o config/camvid.py --answers configs/answers/camvid.yaml
      blueoil init -o config/tutorial.py --answers configs/answers/camvid.yaml --recipe tutorial
      blueoil init -o config/quick.yaml --defaults train_path=./CamVid max_epochs=5
    """
    from blueoil.config.questions import to_settings
    from blueoil.config.recipe import improve
    from blueoil.config.render import render

    console = Console(machine=machine)
    _check_output(output)
    if output is not None and output.exists() and not force:
        _ask_to_overwrite(output)
        force = True
    given = _collect(answers, words, defaults=defaults, name=output.stem if output else None, console=console)
    settings = to_settings(given)
    if recipe == "measured":
        settings = improve(settings)
    target = output or Path(f"{given['name']}.py")
    if target.exists() and not force:
        _ask_to_overwrite(target)
    write_text(target, render(settings, name=given["name"], suffix=target.suffix.lower()))

    _note_absent(given, target, console)
    console.say(f"Config file is generated in {target}")
    console.say(f"Next step: blueoil train -c {shlex.quote(str(target))}")
    console.result({"config": target})


def _check_output(output: Path | None) -> None:
    if output is None:
        return
    if output.suffix.lower() not in _SUFFIXES:
        raise BlueoilError(f"{output} is no name for a config file", expected="a name that ends in .py, .yaml or .yml")
    if output.is_dir():
        raise BlueoilError(f"{output} is a folder", expected="the name of a file", fix=f"-o {output / 'camvid.py'}")


def _ask_to_overwrite(file: Path) -> None:
    if not sys.stdin.isatty():
        raise BlueoilError(f"{file} exists already", fix="choose another name, or --force to overwrite it")
    if not click.confirm(f"{file} exists. Overwrite it?", default=False):
        raise BlueoilError(f"{file} was left as it is", fix="choose another name with -o")


def _collect(
    file: Path | None, words: tuple[str, ...], *, defaults: bool, name: str | None, console: Console
) -> Answers:
    if file is not None or defaults:
        from blueoil.config.answers import collect

        return collect(file, words, defaults=defaults, name=name)
    if words:
        raise BlueoilError("answers on the command line need --answers or --defaults", received=" ".join(words))
    if not sys.stdin.isatty() or not sys.stdout.isatty() or console.machine:
        raise BlueoilError(
            "init asks questions and needs a terminal" + (", so --json cannot go with it" if console.machine else ""),
            fix="pass --answers FILE.yaml or --defaults; in a container, start it with docker run -it",
        )
    from blueoil.config.prompts import ask

    console.say("#### Generate config ####")
    return ask(say=console.say)


def _note_absent(answers: Answers, target: Path, console: Console) -> None:
    """Say when a default dataset folder isn't there: the config is good, training would not be."""
    folder = answers["train_path"]
    if not folder.is_dir():
        console.warn(f"Note: {folder} does not exist yet; put the dataset there or change TRAIN_PATH in {target}")
