"""The page of commands, from the helps of the command line."""

from __future__ import annotations

import inspect

import click

from blueoil.cli import group
from blueoil.reference.markdown import block, code, page, table, text

_VERBATIM = "\b\n"
_EXAMPLE = "Example:\n"


def render() -> str:
    """Return the page: each command with its usage, what it does, an example and its options."""
    context = click.Context(group, info_name="blueoil")
    commands = [part for name in group.list_commands(context) for part in _command(context, name)]
    return page("Commands", "`blueoil --help`", *_help(group), _options(group, context), *commands)


def _command(parent: click.Context, name: str) -> list[str]:
    assert isinstance(parent.command, click.Group)  # noqa: S101 - only groups have commands
    command = parent.command.get_command(parent, name)
    assert command is not None  # noqa: S101 - the group lists it
    context = click.Context(command, info_name=name, parent=parent)
    level = "#" * (2 + (parent.parent is not None))
    usage = block(" ".join([context.command_path, *command.collect_usage_pieces(context)]))
    parts = [f"{level} {context.command_path}", usage, *_help(command), _options(command, context)]
    if isinstance(command, click.Group):
        parts += [part for inner in command.list_commands(context) for part in _command(context, inner)]
    return parts


def _help(command: click.Command) -> list[str]:
    """Return the paragraphs of a help; what click prints verbatim is an example."""
    found = []
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith(_VERBATIM):
            found.append(block(inspect.cleandoc(paragraph.removeprefix(_VERBATIM).removeprefix(_EXAMPLE)), "sh"))
        else:
            found.append(text(paragraph))
    return found


def _options(command: click.Command, context: click.Context) -> str:
    options = [option for option in command.params if isinstance(option, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context)) is not None]
    return table(("option", ""), [(code(names), text(meaning)) for names, meaning in records]) if records else ""
