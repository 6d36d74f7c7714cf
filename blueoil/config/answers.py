"""Answers without a terminal: a YAML file, defaults and ``id=value`` words; the table and checks of the prompts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from blueoil.config.load import read_yaml, split_word
from blueoil.config.questions import QUESTIONS, Answers, Question
from blueoil.errors import BlueoilError


def collect(file: Path | None, words: Sequence[str], *, defaults: bool, name: str | None = None) -> Answers:
    """Return the checked answers of ``file``, then ``words`` over them, then defaults where allowed.

    Args:
        file: YAML; keys are the questions' words (with or without what stands in brackets) or their ids.
        words: ``id=value`` from the command line.
        defaults: whether an answer that is not given takes its default. A dataset folder that comes from a default
            is not looked for: the folder may appear before training.
        name: the model's name where none is given.

    Raises:
        BlueoilError: names the file and line or the word, the key, the value and what was expected.
    """
    given = {**_of_file(file), **_of_words(words)} if file else _of_words(words)
    answers: Answers = {}
    missing = []
    for question in QUESTIONS:
        if not question.asked(answers):
            continue
        if question.id in given:
            value, where = given[question.id]
            answers[question.id] = _parse(question, value, answers, where)
        elif question.id == "name" and (name or defaults):
            answers["name"] = name or "model"
        elif defaults and question.id.endswith("_path"):
            answers[question.id] = answers.get("train_path", Path(question.default))
        elif defaults:
            answers[question.id] = _parse(question, question.default, answers, "the defaults")
        else:
            missing.append(question)
            answers[question.id] = question.default
    if missing:
        raise BlueoilError(
            "some questions have no answer",
            where=str(file) if file else None,
            expected=", ".join(repr(_key(q.text)) for q in missing),
            fix="add them to the file, or pass --defaults to take the default of each",
        )
    return answers


def _parse(question: Question, value: object, answers: Answers, where: str) -> Any:
    try:
        return question.parse(value, answers)
    except ValueError as error:
        raise BlueoilError(
            f"the answer to {_key(question.text)!r} cannot be used",
            where=where,
            expected=str(error),
            received=repr(value),
            fix=_fix(question),
        ) from None


def _fix(question: Question) -> str | None:
    if question.id.endswith("_path"):
        return "correct the path, or draw a sample dataset there: blueoil dataset sample DIR"
    return None


def _key(text: str) -> str:
    """Return the words of a question without brackets, case and punctuation, for comparing and telling."""
    return " ".join(re.sub(r"\(.*?\)", "", text).replace("?", "").lower().replace("_", " ").split())


def _known() -> dict[str, str]:
    """Return comparable words -> question id."""
    return {_key(words): q.id for q in QUESTIONS for words in (q.id, q.text, *q.aliases)}


def _of_file(file: Path) -> dict[str, tuple[Any, str]]:
    known = _known()
    answers: dict[str, tuple[Any, str]] = {}
    values, lines = read_yaml(file)
    for key, value in values.items():
        where = f"{file}, line {lines.get(str(key), 1)}"
        name = known.get(_key(str(key)))
        if name is None:
            raise _unknown(str(key), where, known)
        if name in answers:
            raise BlueoilError(f"{key!r} is answered twice", where=where, fix="keep one of the answers")
        answers[name] = (value, where)
    return answers


def _of_words(words: Sequence[str]) -> dict[str, tuple[Any, str]]:
    known = _known()
    answers: dict[str, tuple[Any, str]] = {}
    for word in words:
        key, value = split_word(word)
        name = known.get(_key(key))
        if name is None:
            raise _unknown(key, f"command line, {word!r}", known)
        answers[name] = (value, f"command line, {word!r}")
    return answers


def _unknown(key: str, where: str, known: Mapping[str, str]) -> BlueoilError:
    close = get_close_matches(_key(key), known, n=1)
    return BlueoilError(
        f"there is no question {key!r}",
        where=where,
        expected="one of " + ", ".join(q.id for q in QUESTIONS),
        fix=f"did you mean {known[close[0]]!r}?" if close else None,
    )
