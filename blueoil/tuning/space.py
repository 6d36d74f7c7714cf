"""What is searched: a range or a choice of values for some settings, written as a word or as lines of YAML.

::

    learning_rate=loguniform(1e-4, 1e-2)     as likely from 1e-4 to 1e-3 as from 1e-3 to 1e-2
    weight_decay=uniform(0, 0.01)
    batch_size=randint(4, 16)                whole numbers, both ends among them
    augmentors.FlipLeftRight.probability=choice(0, 0.5)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from blueoil.config.load import read_yaml
from blueoil.errors import BlueoilError
from dlk import plain_yaml
from lmnet.settings import Settings

Draw = Callable[[np.random.Generator, Sequence[Any]], Any]
DECAY_WHERE_THERE_IS_NONE = 1e-3
_FORM = re.compile(r"(\w+)\s*\((.*)\)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How values are drawn.

    Attributes:
        draw: returns one value from a generator and the arguments.
        number: turns an argument into a number; None: arguments are values of any type, one or more.
        least: smallest number that an argument can be, itself excluded.
    """

    draw: Draw
    number: Callable[[str], float] | None = None
    least: float = -math.inf


def _uniform(rng: np.random.Generator, ends: Sequence[float]) -> float:
    return _short(rng.uniform(ends[0], ends[1]), ends)


def _loguniform(rng: np.random.Generator, ends: Sequence[float]) -> float:
    return _short(math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1]))), ends)


def _short(value: float, ends: Sequence[float]) -> float:
    """Return a number with four digits, between the ends: more would make no difference, and nobody would read them."""
    return min(max(float(f"{value:.4g}"), ends[0]), ends[1])


KINDS: dict[str, _Kind] = {
    "uniform": _Kind(_uniform, float),
    "loguniform": _Kind(_loguniform, float, least=0.0),
    "randint": _Kind(lambda rng, ends: int(rng.integers(ends[0], ends[1], endpoint=True)), int),
    "choice": _Kind(lambda rng, values: values[int(rng.integers(len(values)))]),
}
"""Name in a word to what it draws."""


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that one setting can get: the ends of a range, or those of a choice."""

    kind: str
    arguments: tuple[Any, ...]

    def draw(self, rng: np.random.Generator) -> Any:
        """Return one value."""
        return KINDS[self.kind].draw(rng, self.arguments)


Space = dict[str, Domain]
"""Setting, dots leading into a table, to its values."""


def parse(source: str) -> Space:
    """Return what a word ``setting=kind(...)`` or a file ``.yaml`` of lines ``setting: kind(...)`` searches.

    Nothing of it is run: arguments are numbers and plain YAML.

    Raises:
        BlueoilError: no such form, file or kind, or arguments that do not fit it.
    """
    if Path(source).suffix.lower() in (".yaml", ".yml"):
        values, lines = read_yaml(Path(source))
        return {
            str(key): _domain(str(text), f"{source}, line {lines.get(str(key), 1)}") for key, text in values.items()
        }
    key, separator, text = source.partition("=")
    if not separator or not key.strip():
        raise _refused(source, f"command line, {source!r}")
    return {key.strip(): _domain(text, f"command line, {source!r}")}


def default_space(settings: Settings) -> Space:
    """Return what is searched where nothing is said: rate and decay around the config's, half to double the batch."""
    batch = settings.batch_size
    batches = tuple(sorted({max(1, batch // 2), batch, 2 * batch}))
    return {
        "learning_rate": _around(settings.learning_rate),
        "weight_decay": _around(settings.weight_decay or DECAY_WHERE_THERE_IS_NONE, at_most=0.9),
        "batch_size": Domain("choice", batches),
    }


def _around(value: float, *, at_most: float = math.inf) -> Domain:
    return Domain("loguniform", (float(f"{value / 10:.4g}"), min(float(f"{value * 10:.4g}"), at_most)))


def draw(space: Space, trials: int, seed: int) -> list[dict[str, Any]]:
    """Return the values of each trial; of the same seed, fewer trials are the first of more."""
    rng = np.random.default_rng(seed)
    return [{key: domain.draw(rng) for key, domain in space.items()} for _ in range(trials)]


def words(values: dict[str, Any]) -> list[str]:
    """Return the values of a trial as ``key=value`` words of the command line."""
    return [f"{key}={yaml.safe_dump(value, default_flow_style=True).splitlines()[0]}" for key, value in values.items()]


def _domain(text: str, where: str) -> Domain:
    match = _FORM.fullmatch(text.strip())
    kind = KINDS.get(match[1]) if match else None
    if match is None or kind is None:
        raise _refused(text, where)
    try:
        arguments, _ = plain_yaml.parse(f"[{match[2]}]")
        if kind.number is None:
            fits = bool(arguments)
        else:
            arguments = [kind.number(str(argument)) for argument in arguments]
            fits = len(arguments) == 2 and kind.least < arguments[0] < arguments[1] < math.inf
    except ValueError:  # YamlError is one
        fits = False
    if not fits:
        raise _refused(text, where)
    return Domain(match[1], tuple(arguments))


def _refused(text: str, where: str) -> BlueoilError:
    return BlueoilError(
        "this is nothing to search",
        where=where,
        expected="loguniform(a, b) with 0 < a < b, uniform(a, b), randint(a, b) of whole numbers, or choice(x, y, ...)",
        received=text,
        fix='for example "learning_rate=loguniform(1e-4, 1e-2)"',
    )
