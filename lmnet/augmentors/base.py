"""What an augmentor is: a function, its parameters with limits, and the words that a prompt shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmnet.augmentors.kinds import Kind, Value, text
from lmnet.errors import LmnetError

Pictures = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an augmentor.

    Attributes:
        name: as in the config.
        default: the value where none is given.
        kind: what it may be.
        description: one phrase for people.
    """

    name: str
    default: Value
    kind: Kind
    description: str

    def expected(self) -> str:
        """Return what may be given, in words."""
        example = "" if self.default is None else f", such as {text(self.default)}"
        return f"{self.kind.expected()}{example}"


@dataclass(frozen=True, slots=True)
class Augmentor:
    """A random change of one training sample.

    Attributes:
        name: as in the config and in the prompt.
        description: one sentence.
        parameters: with defaults and limits.
        apply: ``(image, mask, rng, **parameters) -> (image, mask)``: a pure function of its arguments and of the state
            of ``rng``, which never writes into them. Pixels that it brings in from outside the picture are VOID in the
            mask.
        sized: it needs to know the size of the training pictures, and gets it after ``rng``, before its parameters:
            ``(image, mask, rng, train_size, **parameters)``.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    apply: Callable[..., Pictures]
    sized: bool = False

    @property
    def defaults(self) -> dict[str, Value]:
        """Parameters as they are when nobody chooses others."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    @property
    def label(self) -> str:
        """Name with the default parameters, as the prompt shows it: ``Brightness(value=(0.75, 1.25))``."""
        return f"{self.name}({', '.join(f'{name}={text(value)}' for name, value in self.defaults.items())})"

    def __call__(
        self,
        image: NDArray[np.uint8],
        mask: NDArray[np.uint8],
        rng: np.random.Generator,
        train_size: tuple[int, int] | None = None,
        /,
        **params: Value,
    ) -> Pictures:
        """Return the changed image uint8 [H,W,3] and mask uint8 [H,W]; parameters not given have their defaults.

        Args:
            image: RGB uint8 [H,W,3].
            mask: class indices and VOID, uint8 [H,W].
            rng: every random number comes from it.
            train_size: height and width of the training pictures; none: those of this picture.
            **params: values of the parameters.
        """
        size = (train_size or mask.shape,) if self.sized else ()
        return self.apply(image, mask, rng, *size, **{**self.defaults, **params})

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
            if not known[name].kind.accepts(value):
                raise LmnetError(
                    f"parameter {name} of augmentor {self.name} is not allowed",
                    expected=known[name].expected(),
                    received=repr(value),
                    fix="change it in AUGMENTORS of the config",
                )
