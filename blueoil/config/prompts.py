"""Asks the question table at a terminal with inquirer; Ctrl-C raises KeyboardInterrupt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from blueoil.config.keys import key_by_key, read_key, unasked
from blueoil.config.questions import QUESTIONS, Answers, Question

with unasked():  # inquirer looks at the terminal when it is imported
    import inquirer
    from inquirer.errors import ValidationError
    from inquirer.events import KeyEventGenerator
    from inquirer.render.console import ConsoleRender


def ask(given: Mapping[str, Any] | None = None) -> Answers:
    """Ask every question that comes up and isn't in ``given``; return the parsed answers.

    A wrong answer is told at the prompt and asked again.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    answers: Answers = dict(given or {})
    with unasked():
        render = ConsoleRender(event_generator=KeyEventGenerator(read_key))
    with key_by_key():
        for question in QUESTIONS:
            if question.id not in answers and question.asked(answers):
                reply = inquirer.prompt([_prompt(question, answers)], render=render, raise_keyboard_interrupt=True)
                answers[question.id] = question.parse(_or_default(question, reply[question.id]), answers)
    return answers


def _prompt(question: Question, answers: Answers) -> Any:
    """Return inquirer's form of a question. Texts go in as functions: inquirer would format braces in a string."""
    labels = [(_fill(label, answers), value) for value, label in question.choices]
    text = question.text
    match question.kind:
        case "text":
            # The default is shown, not typed for the user, who would have to erase it first.
            shown = f"{text} [{question.default}]" if question.default is not None else text
            return inquirer.Text(question.id, message=lambda _: shown, validate=_validator(question, answers))
        case "confirm":
            return inquirer.Confirm(question.id, message=text, default=question.default)
        case "choice":
            check = _validator(question, answers)
            return inquirer.List(
                question.id, message=lambda _: text, choices=labels, default=question.default, validate=check
            )
        case "choices":
            return inquirer.Checkbox(
                question.id,
                message=lambda _: f"{text} (space: select, Ctrl-A: all, enter: done)",
                choices=labels,
                default=list(question.default),
            )


def _fill(label: str, answers: Answers) -> str:
    return label.replace("{epochs}", str(answers.get("max_epochs", "{epochs}")))


def _validator(question: Question, answers: Answers) -> Callable[[Mapping[str, Any], Any], bool]:
    def validate(_: Mapping[str, Any], reply: Any) -> bool:
        try:
            question.parse(_or_default(question, reply), answers)
        except ValueError as error:
            # inquirer formats the reason once more
            reason = f"expected {error}".replace("{", "{{").replace("}", "}}")
            raise ValidationError(reply, reason=reason) from None
        return True

    return validate


def _or_default(question: Question, reply: Any) -> Any:
    return question.default if reply in ("", None) and question.default is not None else reply
