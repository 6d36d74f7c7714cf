"""Asks the question table at a terminal with inquirer; Ctrl-C raises KeyboardInterrupt."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from blueoil.config.keys import key_by_key, read_key, unasked
from blueoil.config.questions import QUESTIONS, Answers, Question

with unasked():  # inquirer looks at the terminal when it is imported
    import inquirer
    from inquirer.events import KeyEventGenerator
    from inquirer.render.console import ConsoleRender, Text

_MARGIN = 9
"""Columns of a line that inquirer keeps for its own signs."""


def ask(given: Mapping[str, Any] | None = None, *, say: Callable[[str], None]) -> Answers:
    """Ask every question that comes up and isn't in ``given``; return the parsed answers.

    A wrong answer is told through ``say``, and stands at the prompt to be corrected.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    answers: Answers = dict(given or {})
    with unasked():
        render = _Render(event_generator=KeyEventGenerator(read_key))
    with key_by_key():
        for question in QUESTIONS:
            if question.id not in answers and question.asked(answers):
                answers[question.id] = _ask_one(question, answers, render, say)
    return answers


def _ask_one(question: Question, answers: Answers, render: ConsoleRender, say: Callable[[str], None]) -> Any:
    """Ask one question until its answer can be used; what is too long for one line is told above the prompt."""
    text, typed = question.text, None
    if len(text) > render.width - _MARGIN:
        say(_filled(text, render.width))
        text = text.partition(" (")[0]
    while True:
        prompt = _prompt(question, text, answers, typed, render.width)
        typed = inquirer.prompt([prompt], render=render, raise_keyboard_interrupt=True)[question.id]
        try:
            return question.parse(_or_default(question, typed), answers)
        except ValueError as error:
            say(_filled(f">> expected {error}", render.width))


def _filled(text: str, width: int) -> str:
    """Return text in lines of the terminal's width, paths whole."""
    return textwrap.fill(text, width - 1, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False)


class _Line(Text):
    """A text field that shows the end of what was typed: a longer line would be drawn again with every key."""

    def get_current_value(self) -> str:
        """Return what is shown behind the question."""
        room = max(1, (self.terminal.width or 80) - len(self.get_header()) - _MARGIN)
        shown = super().get_current_value()
        return shown if len(self.current) <= room or self.cursor_offset else "..." + self.current[-max(1, room - 3) :]


class _Render(ConsoleRender):
    """inquirer's drawing with the text field above."""

    def render_factory(self, question_type: str) -> Any:
        """Return what draws a kind of question."""
        return _Line if question_type == "text" else super().render_factory(question_type)


def _prompt(question: Question, text: str, answers: Answers, typed: Any, width: int) -> Any:
    """Return inquirer's form of a question. Texts go in as functions: inquirer would format braces in a string.

    Args:
        question: what is asked.
        text: the words at the prompt.
        answers: the answers before it.
        typed: the answer that could not be used, if there was one.
        width: columns of the terminal; longer choices are cut, since a wrapped list would be drawn again and again.
    """
    labels = [(_short(_fill(label, answers), width), value) for value, label in question.choices]
    default = question.default if typed is None else typed
    match question.kind:
        case "text":
            # The default is shown, not typed for the user, who would have to erase it first.
            shown = f"{text} [{question.default}]" if question.default is not None else text
            return inquirer.Text(question.id, message=lambda _: shown, default=lambda _: typed)
        case "confirm":
            return inquirer.Confirm(question.id, message=text, default=default)
        case "choice":
            return inquirer.List(question.id, message=lambda _: text, choices=labels, default=default)
        case "choices":
            return inquirer.Checkbox(
                question.id,
                message=lambda _: f"{text} (space: select, Ctrl-A: all, enter: done)",
                choices=labels,
                default=list(default),
            )


def _short(label: str, width: int) -> str:
    room = max(4, width - 5)
    return label if len(label) <= room else label[: room - 3] + "..."


def _fill(label: str, answers: Answers) -> str:
    return label.replace("{epochs}", str(answers.get("max_epochs", "{epochs}")))


def _or_default(question: Question, reply: Any) -> Any:
    return question.default if reply in ("", None) and question.default is not None else reply
