"""A config, or the name of an experiment, becomes an experiment to train: made, found, or made anew."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment, new_id
from dlk.trees import copy_tree

if TYPE_CHECKING:
    from lmnet.settings import Settings


def nothing_to_train() -> BlueoilError:
    """Return the error of a command that names neither config nor experiment."""
    return BlueoilError("nothing to train", fix="blueoil train -c CONFIG, or blueoil train -e ID to go on")


def prepare(
    config: Path | None,
    id_: str | None,
    root: Path,
    overrides: Sequence[str],
    plugins: Sequence[Path],
    *,
    recreate: bool,
) -> tuple[Experiment, Settings]:
    """Return the experiment, new or found, and its settings.

    Raises:
        BlueoilError: nothing to train, a config that can't be used, or one that differs from the experiment's.
    """
    from blueoil.config.load import load

    if config is None and id_ is None:
        raise nothing_to_train()
    if id_ is None:
        assert config is not None  # noqa: S101 - one of the two is given
        return make(Experiment(root, new_id(config)), config, overrides, plugins)
    experiment = Experiment(root, id_) if config else Experiment.open(root, id_)
    if not experiment.exists:
        assert config is not None  # noqa: S101 - open() raised otherwise
        return make(experiment, config, overrides, plugins)

    wanted = overrides if config else (*experiment.overrides, *overrides)  # of two words for a setting the later wins
    if recreate:
        return _remake(experiment, config, wanted, plugins)
    stored = experiment.settings()
    settings = load(config or experiment.config, wanted, plugins=plugins, copies=experiment.plugins)
    if settings != stored:
        raise BlueoilError(
            f"experiment {id_} was started with another config",
            where=str(experiment.config),
            expected="the same values, or none",
            received=_difference(stored, settings),
            fix=f"blueoil train -e {id_} goes on with its own config; --recreate deletes it and starts anew",
        )
    return experiment, settings


def make(
    experiment: Experiment, config: Path, overrides: Sequence[str], more: Sequence[Path], copies: Path | None = None
) -> tuple[Experiment, Settings]:
    """Make the folder of an experiment; ``more`` and ``copies`` as the arguments plugins and copies of ``load``."""
    from blueoil.config.load import kept, load

    settings = load(config, overrides, plugins=more, copies=copies)
    if more:  # so that the experiment names them without --plugin
        overrides = [*overrides, f"plugins={json.dumps([str(file) for file in settings.plugins])}"]
    experiment.create(config, seed=settings.seed, overrides=overrides, plugins=kept(settings.plugins, copies))
    return experiment, settings


def _remake(
    experiment: Experiment, config: Path | None, overrides: Sequence[str], more: Sequence[Path]
) -> tuple[Experiment, Settings]:
    """Replace an experiment, by its own config and plugins where no config is given: they are kept aside first."""
    from blueoil.config.load import load

    with tempfile.TemporaryDirectory() as name:
        aside = Path(name)
        copies = None if config else aside / "plugins"
        if copies and experiment.plugins.is_dir():
            copy_tree(experiment.plugins, copies)
        chosen = config or experiment.config
        load(chosen, overrides, plugins=more, copies=copies)  # a faulty one leaves the experiment as it is
        copy = Path(shutil.copy(chosen, aside))
        with experiment.lock():
            experiment.remove()
        return make(experiment, copy, overrides, more, copies)


def _difference(stored: Settings, given: Settings) -> str:
    changed = [name for name in type(stored).model_fields if getattr(stored, name) != getattr(given, name)]
    return ", ".join(f"{name.upper()} {getattr(given, name)!r} for {getattr(stored, name)!r}" for name in changed)
