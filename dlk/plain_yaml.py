"""Plain YAML from foreign hands, as values. Travels to the device too, so Python 3.9 must take it."""

from __future__ import annotations

from typing import Any

import yaml


class YamlError(ValueError):
    """A text that is no plain YAML; the text of the error is one line. ``line``: from 1 on, None where it is not known.

    Attributes:
        line: where in the text.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


class _PlainLoader(yaml.SafeLoader):
    """SafeLoader without aliases of lists and tables: with them a small text can stand for more than any memory holds,
    or contain itself.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            if not isinstance(self.anchors.get(event.anchor), (yaml.ScalarNode, type(None))):
                raise yaml.MarkedYAMLError(problem="an alias of a list or table", problem_mark=event.start_mark)
        return super().compose_node(parent, index)


def parse(text: str) -> tuple[Any, yaml.Node | None]:
    """Return the value of a YAML text and the node it comes from, both None for an empty text.

    Raises:
        YamlError: the text is no YAML, or has tags, dates or numbers that are none, or aliases of lists or tables.
    """
    try:
        loader = _PlainLoader(text)
        node = loader.get_single_node()
        return (None if node is None else loader.construct_document(node)), node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise YamlError(_one_line(error.problem or error.context), None if mark is None else mark.line + 1) from error
    except RecursionError as error:
        raise YamlError("it is nested too deeply") from error
    except Exception as error:  # PyYAML's constructors of dates, numbers and yes/no raise nearly anything
        raise YamlError(_one_line(error)) from error


def _one_line(reason: object) -> str:
    return " ".join(str(reason).split())[:200] or "it cannot be read"
