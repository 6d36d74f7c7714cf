"""Several processes that train one network: what the command line says of them."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from blueoil import tensorflow_start
from blueoil.console import Console
from blueoil.errors import BlueoilError
from blueoil.experiment import Experiment

if TYPE_CHECKING:
    from lmnet.settings import Settings

Function = TypeVar("Function", bound=Callable[..., Any])

_ADDRESS = re.compile(r"\S+:\d{1,5}")
_OPTIONS = (
    click.option("--processes", type=click.IntRange(2), metavar="N", help="Processes that train together, with JAX."),
    click.option("--process", type=click.IntRange(0), metavar="I", help="Number of this one, from 0."),
    click.option("--coordinator", metavar="HOST:PORT", help="Address of process 0, free, seen by every machine."),
)


def options(function: Function) -> Function:
    """Give a command the options ``processes``, ``process`` and ``coordinator``."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Several:
    """This process, ``process`` of ``processes``, which meet at ``coordinator``; one process alone meets nobody."""

    processes: int = 1
    process: int = 0
    coordinator: str = ""

    @classmethod
    def of(cls, processes: int | None, process: int | None, coordinator: str | None) -> Several:
        """Return what the options say.

        Raises:
            BlueoilError: one is missing, or they do not fit each other.
        """
        given = {"--processes": processes, "--process": process, "--coordinator": coordinator}
        missing = [name for name, value in given.items() if value is None]
        if len(missing) == len(given):
            return cls()
        if processes is None or process is None or coordinator is None:
            raise BlueoilError(
                "several processes need three options",
                expected=", ".join(given),
                received=", ".join(name for name in given if name not in missing),
                fix="blueoil train -c CONFIG -e ID --processes 2 --process 0 --coordinator HOST:PORT",
            )
        if process >= processes:
            raise BlueoilError(
                "there is no such process", where="--process", expected=f"0 to {processes - 1}", received=str(process)
            )
        if not _ADDRESS.fullmatch(coordinator):
            raise BlueoilError(
                "this is no address",
                where="--coordinator",
                expected="HOST:PORT, as 10.0.0.1:9876",
                received=coordinator,
            )
        return cls(processes, process, coordinator)

    def choose_backend(self) -> None:
        """Take JAX for several processes where the user has chosen nothing; before anything imports Keras."""
        if self.processes > 1:
            os.environ.setdefault("KERAS_BACKEND", "jax")

    def start(self) -> None:
        """Import Keras; the devices of one process of several stay closed until they meet."""
        tensorflow_start.start(opens=self.processes == 1)

    def joined(self) -> AbstractContextManager[object]:
        """Return the context of the run, in which the processes have met."""
        if self.processes == 1:
            return nullcontext()
        from lmnet.training.processes import joined

        return joined(self.coordinator, self.process, self.processes)

    def follow(self, settings: Settings, console: Console, *, seconds: float) -> int:
        """Train as a process that is not the first one: it has no experiment and keeps nothing; return exit code 0."""
        console.say(f"process {self.process} of {self.processes}: process 0 tells how the run goes, and keeps it")
        self.start()
        from lmnet.training.trainer import train

        with tempfile.TemporaryDirectory() as scratch, self.joined():
            result = train(settings, Path(scratch), report=lambda event: None, seconds=seconds)
        console.say("Done" if result.finished else f"Stopped at step {result.step}.")
        console.result({"process": self.process, "step": result.step, "finished": result.finished})
        return 0

    def words(self) -> str:
        """Return what ends the command that goes on with the run."""
        return ", with --processes, --process and --coordinator as before" if self.processes > 1 else ""


def settings_of(
    config: Path | None, id_: str | None, root: Path, overrides: Sequence[str], plugins: Sequence[Path]
) -> Settings:
    """Return the settings of a process that is not the first one, from a config or from an experiment in its sight.

    Raises:
        BlueoilError: neither is given, or there is no such experiment on this machine.
    """
    from blueoil.config.load import load

    if config is not None:
        return load(config, overrides, plugins=plugins)
    if id_ is None:
        raise BlueoilError("nothing to train", fix="the command of process 0, with another --process")
    return Experiment.open(root, id_).settings()
