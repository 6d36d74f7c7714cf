"""What an augmentor is: a function, its parameters with limits, and the words that a prompt shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmnet.errors import LmnetError

Value = float | tuple[float, float]
Pictures = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an augmentor: a number, or a range from which a number is drawn.

    Attributes:
        name: as in the config.
        default: a float, or (lower, upper) for a range; tells which of the two it is.
        lowest: smallest value allowed, for both ends of a range.
        highest: largest value allowed.
        whole: only whole numbers.
        description: one phrase for the config's comment.
    """

    name: str
    default: Value
    lowest: float
    highest: float
    description: str
    whole: bool = False

    def expected(self) -> str:
        """Return what may be given, in words."""
        kind = "whole numbers" if self.whole else "numbers"
        limits = f"from {self.lowest:g} to {self.highest:g}"
        if isinstance(self.default, tuple):
            return f"two {kind} {limits}, the smaller first, such as {_text(self.default)}"
        return f"a number {limits}, such as {_text(self.default)}"

    def accepts(self, value: object) -> bool:
        """Say whether a value is of the right kind and within the limits."""
        parts = value if isinstance(value, (tuple, list)) else (value,)
        if isinstance(self.default, tuple) != isinstance(value, (tuple, list)) or len(parts) > 2:
            return False
        if isinstance(self.default, tuple) and len(parts) != 2:
            return False
        if not all(isinstance(part, (int, float)) and not isinstance(part, bool) for part in parts):
            return False
        if not all(self.lowest <= part <= self.highest and not (self.whole and part != int(part)) for part in parts):
            return False
        return list(parts) == sorted(parts)


@dataclass(frozen=True, slots=True)
class Augmentor:
    """A random change of one training sample.

    Attributes:
        name: as in the config and in the prompt.
        description: one sentence.
        parameters: with defaults and limits.
        apply: ``(image, mask, rng, **parameters) -> (image, mask)``; never writes into its arguments.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    apply: Callable[..., Pictures]

    @property
    def defaults(self) -> dict[str, Value]:
        """Parameters as they are when nobody chooses others."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    @property
    def label(self) -> str:
        """Name with the default parameters, as the prompt shows it: ``Brightness(value=(0.75, 1.25))``."""
        return f"{self.name}({', '.join(f'{name}={_text(value)}' for name, value in self.defaults.items())})"

    def __call__(
        self, image: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator, **params: Value
    ) -> Pictures:
        """Return the changed image uint8 [H,W,3] and mask uint8 [H,W]; parameters not given have their defaults."""
        return self.apply(image, mask, rng, **{**self.defaults, **params})

    def check(self, params: dict[str, Value]) -> None:
        """Check the parameters of a config.

        Raises:
            LmnetError: a parameter is unknown or its value is not allowed.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name, value in params.items():
            if name not in known:
                raise LmnetError(
                    f"augmentor {self.name} has no parameter {name}",
                    expected=", ".join(known),
                    received=name,
                    fix="remove it from AUGMENTORS in the config",
                )
            if not known[name].accepts(value):
                raise LmnetError(
                    f"parameter {name} of augmentor {self.name} is not allowed",
                    expected=known[name].expected(),
                    received=repr(value),
                    fix="change it in AUGMENTORS of the config",
                )


def _text(value: Value) -> str:
    return f"({value[0]:g}, {value[1]:g})" if isinstance(value, tuple) else f"{value:g}"
