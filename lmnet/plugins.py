"""A user's own networks, datasets, augmentors and losses: decorators that enter them by name, and files that use them.

::

    from lmnet.plugins import network

    @network("Mine", size_multiple=4)
    def mine(settings, classes, *, quantize):
        return keras.Model(...)

Nothing here imports Keras; a file of augmentors and datasets needs none either.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from lmnet.augmentors import AUGMENTORS, Augmentor, Parameter
from lmnet.datasets import DATASETS, Reader
from lmnet.errors import LmnetError
from lmnet.losses import LOSSES, LossBuilder
from lmnet.networks import ARCHITECTURES, QUANTIZED, Architecture, Builder
from lmnet.registry import Registry

__all__ = ["augmentor", "dataset", "load", "loss", "network", "sources", "withdraw"]

_REGISTRIES: tuple[Registry[Any], ...] = (ARCHITECTURES, AUGMENTORS, DATASETS, LOSSES)
MODULE = "lmnet_plugin_"
"""Begins the module name of a plugin, whose rest is the file's: a checkpoint names the module of an own layer, and
finds it in a copy of the file too."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_RUNNING: ContextVar[str] = ContextVar("running plugin", default="this program")

Function = TypeVar("Function", bound=Callable[..., Any])


def network(name: str, *, size_multiple: int) -> Callable[[Builder], Builder]:
    """Enter a function ``(settings, classes, *, quantize) -> keras.Model`` as the networks NAMEQuantize and NAME.

    The model maps pixels float32 [N, H, W, 3] to logits float32 [N, H, W, classes]; NAME is the float twin, made with
    ``quantize=False``, with layers of the same names.

    Args:
        name: letters, digits and _; does not end in Quantize.
        size_multiple: pixels by which height and width must be divisible.

    Raises:
        LmnetError: the name cannot be used or is taken.
    """
    if name.endswith(QUANTIZED):
        raise LmnetError(
            f"a network cannot be called {name}",
            expected=f"a name that does not end in {QUANTIZED}: the quantized network gets that ending",
            fix=f'@network("{name.removesuffix(QUANTIZED)}", ...)',
        )

    def enter(builder: Builder) -> Builder:
        _enter(ARCHITECTURES, name, Architecture(builder, size_multiple))
        return builder

    return enter


def dataset(name: str) -> Callable[[Reader], Reader]:
    """Enter a function ``settings -> lmnet.datasets.Dataset`` as a DATASET_FORMAT.

    Args:
        name: letters, digits and _.

    Raises:
        LmnetError: the name cannot be used or is taken.
    """
    return _entering(DATASETS, name)


def augmentor(
    name: str, description: str, *parameters: Parameter, sized: bool = False
) -> Callable[[Function], Function]:
    """Enter a function ``(image, mask, rng, **parameters) -> (image, mask)`` as an augmentor.

    Args:
        name: letters, digits and _.
        description: one sentence.
        *parameters: with defaults and limits.
        sized: the function gets the size of the training pictures too: see ``lmnet.augmentors.Augmentor``.

    Raises:
        LmnetError: the name cannot be used or is taken, or function and parameters do not fit together.
    """

    def enter(function: Function) -> Function:
        made = Augmentor(name, description, parameters, function, sized)
        made.check(made.defaults)
        try:
            inspect.signature(function).bind(*("image", "mask", "rng", "size")[: 3 + sized], **made.defaults)
        except TypeError as error:
            raise LmnetError(
                f"the function of augmentor {name} cannot be called: {error}",
                expected=f"(image, mask, rng{', train_size' * sized}{''.join(f', {p.name}' for p in parameters)})",
                received=f"{function.__name__}{inspect.signature(function)}",
            ) from None
        _enter(AUGMENTORS, name, made)
        return function

    return enter


def loss(name: str) -> Callable[[LossBuilder], LossBuilder]:
    """Enter a function ``(settings, dataset) -> keras.losses.Loss`` as a LOSS.

    Args:
        name: letters, digits and _.

    Raises:
        LmnetError: the name cannot be used or is taken.
    """
    return _entering(LOSSES, name)


def _entering(registry: Registry[Any], name: str) -> Callable[[Function], Function]:
    """Return the decorator that enters a function as it is."""

    def enter(function: Function) -> Function:
        _enter(registry, name, function)
        return function

    return enter


def _enter(registry: Registry[Any], name: str, thing: object) -> None:
    if not _NAME.fullmatch(name):
        raise LmnetError(
            f"{name!r} cannot be the name of a {registry.kind}",
            expected="letters, digits and _, a letter first",
            fix="change the name in the decorator",
        )
    try:
        registry.enter(name, thing, owner=_RUNNING.get())
    except ValueError as error:
        raise LmnetError(str(error), fix="choose another name in the decorator") from None


def load(files: Sequence[Path]) -> None:
    """Run plugin files. One that ran already with the same content does not run again.

    What a file of the same name entered with other content is withdrawn first.

    Raises:
        LmnetError: a file is missing, no Python, or stops with an error; says in which line.
    """
    for file in files:
        _load(file)


def _load(file: Path) -> None:
    if file.suffix != ".py":
        raise LmnetError(f"{file} is no plugin", expected="a file that ends in .py")
    name = MODULE + file.stem
    try:
        loader = _Source(file, file.read_bytes())
    except OSError as error:
        raise LmnetError(
            f"there is no plugin file {file}" if isinstance(error, FileNotFoundError) else "a plugin cannot be read",
            where=str(file),
            expected="a Python file",
            received=error.strerror,
        ) from None
    known = sys.modules.get(name)
    if known is not None and isinstance(known.__loader__, _Source) and known.__loader__.data == loader.data:
        return
    withdraw(file.name)
    spec = importlib.util.spec_from_loader(name, loader, origin=str(file))
    assert spec is not None  # noqa: S101 - it is, for a loader that is given
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    running = _RUNNING.set(file.name)
    try:
        loader.exec_module(module)
    except LmnetError as error:
        withdraw(file.name)
        error.where = error.where or _where(error, file)
        raise
    except (Exception, SystemExit) as error:
        withdraw(file.name)
        raise LmnetError(
            f"the plugin {file.name} stopped with an error",
            where=_where(error, file),
            received=f"{type(error).__name__}: {error}",
            fix="correct the file; a module that it imports must be installed",
        ) from error
    finally:
        _RUNNING.reset(running)


def sources(files: Sequence[Path]) -> bytes:
    """Return the texts of plugins that have run, as they ran, whatever folders the files or copies of them lie in."""
    loaders = [sys.modules[MODULE + file.stem].__loader__ for file in files]
    return b"".join(loader.data for loader in loaders if isinstance(loader, _Source))


def withdraw(file_name: str) -> None:
    """Forget the plugin of a file name, and all that it entered."""
    sys.modules.pop(MODULE + file_name.removesuffix(".py"), None)
    for registry in _REGISTRIES:
        registry.withdraw(file_name)


def _where(error: BaseException, file: Path) -> str:
    """Return the plugin and the line in which it went wrong."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"{file}, line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"{file}, line {lines[-1]}" if lines else str(file)


class _Source(importlib.abc.SourceLoader):
    """Runs the bytes that were read, and leaves no compiled file beside the user's."""

    def __init__(self, file: Path, data: bytes) -> None:
        self.file = file
        self.data = data

    def get_filename(self, fullname: str) -> str:
        """Return the file, for tracebacks."""
        return str(self.file)

    def get_data(self, path: str) -> bytes:
        """Return the source."""
        return self.data
