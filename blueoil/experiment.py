"""The folder of one training run: its names, its checkpoints, its record, and who may write to it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blueoil import __version__, samples
from blueoil.environment import versions
from blueoil.errors import BlueoilError
from blueoil.files import making, write_text
from blueoil.records import damaged, read_json, read_text
from dlk.profile.machine import this_machine
from lmnet.training.folder import BEST, FLOAT, MODEL, STATE

if TYPE_CHECKING:
    from lmnet.settings import Settings

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CHECKPOINT = re.compile(r"save\.ckpt-(\d+)")
RECORD = "environment.json"
"""File of a run folder that tells how the run was started."""
_CONFIG_NAMES = {".py": "config.py", ".yaml": "config.yaml", ".yml": "config.yaml"}


def new_id(config: Path) -> str:
    """Return the id of a new experiment: ``<config stem>_<YYYYmmddHHMMSS>``, local time."""
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", config.stem).lstrip("._-") or "experiment"
    return f"{stem}_{datetime.now():%Y%m%d%H%M%S}"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A run folder ``<root>/<id>``; making the object touches nothing on disk.

    Raises:
        BlueoilError: the id is no plain folder name.
    """

    root: Path
    id: str

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise BlueoilError(
                f"{self.id!r} is no experiment id",
                expected="the name of a folder under the output folder, of letters, digits, '.', '_' and '-'",
                fix=f"blueoil ... -e {Path(self.id).name} --output_dir {Path(self.id).parent}"
                if "/" in self.id
                else None,
            )

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.root / self.id

    @property
    def exists(self) -> bool:
        """Whether there is a run of this id."""
        return self.folder.is_dir()

    @property
    def config(self) -> Path:
        """The config as it was given.

        Raises:
            BlueoilError: the run folder has none.
        """
        for name in ("config.py", "config.yaml"):
            if (self.folder / name).is_file():
                return self.folder / name
        raise BlueoilError(
            f"experiment {self.id} has no config", where=str(self.folder), expected="config.py or config.yaml"
        )

    @property
    def environment(self) -> dict[str, Any]:
        """The record of how the run was started; empty where there is none.

        Raises:
            BlueoilError: it is damaged.
        """
        file = self.folder / RECORD
        return read_json(file, lists=("starts",), texts=("overrides",)) if file.is_file() else {}

    @property
    def overrides(self) -> tuple[str, ...]:
        """The ``key=value`` words with which the run was started."""
        return tuple(self.environment.get("overrides", ()))

    @classmethod
    def open(cls, root: Path, id: str) -> Experiment:  # noqa: A002 - the name in the contract and on the command line
        """Return an experiment that exists.

        Raises:
            BlueoilError: there is none of this id; lists those that exist.
        """
        experiment = cls(root, id)
        if not experiment.exists:
            found = [folder.name for folder in sorted(root.iterdir()) if folder.is_dir()] if root.is_dir() else []
            names = [name for name in found if _ID.fullmatch(name)]
            raise BlueoilError(
                f"there is no experiment {id}",
                where=str(root),
                expected="one of " + ", ".join(names[-10:]) if names else "an experiment made by blueoil train",
                fix=None if names else "blueoil train -c CONFIG, or --output_dir where the experiments are",
            )
        return experiment

    @property
    def plugins(self) -> Path:
        """The folder of the plugins' copies."""
        return self.folder / "plugins"

    def settings(self, image_size: tuple[int, int] | None = None) -> Settings:
        """Return the settings of the run, its plugins run from their copies; with another image size, if one is given.

        Raises:
            BlueoilError: the config or a plugin can't be used, or the network can't take the size.
        """
        from blueoil.config.checks import image_size as checked
        from blueoil.config.load import load

        settings = load(self.config, self.overrides, copies=self.plugins)
        if image_size is None:
            return settings
        try:
            return settings.model_copy(update={"image_size": checked(image_size, settings.network)})
        except ValueError as error:
            raise BlueoilError(
                "the image size does not fit", expected=str(error), received="x".join(map(str, image_size))
            ) from None

    def changed_plugins(self, settings: Settings) -> list[Path]:
        """Return the plugin files of the settings that no longer are what the experiment keeps a copy of."""
        pairs = [(file, self.plugins / file.name) for file in settings.plugins if file.is_file()]
        return [file for file, copy in pairs if copy.is_file() and copy.read_bytes() != file.read_bytes()]

    def create(
        self, config: Path, *, seed: int, overrides: Sequence[str] = (), plugins: Sequence[Path] = (), **more: Any
    ) -> None:
        """Make the folder with copies of config and plugins, and the environment record, to which ``more`` is added.

        Raises:
            BlueoilError: the folder exists.
        """
        text = config.read_bytes()
        texts = {f"plugins/{file.name}": file.read_bytes() for file in plugins}
        record = {"blueoil": __version__, "seed": seed, "overrides": list(overrides), "starts": [], **more}
        texts[_CONFIG_NAMES[config.suffix.lower()]] = text
        texts[RECORD] = _record_text({**record, **versions()}).encode()
        if self.exists:
            raise self._exists_already()
        with making(self.folder) as unfinished:
            for name, content in texts.items():
                (unfinished / name).parent.mkdir(exist_ok=True)
                (unfinished / name).write_bytes(content)
            try:
                unfinished.rename(self.folder)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                raise self._exists_already() from None

    def _exists_already(self) -> BlueoilError:
        return BlueoilError(f"experiment {self.id} exists already", where=str(self.folder))

    def record_start(self) -> None:
        """Add this start (time, command line, processor) to the environment record."""
        machine = this_machine()
        start = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": shlex.join(sys.argv),
            "processor": machine.cpu,
            "cores": machine.cpus,
        }
        record = self.environment
        self._write_environment({**record, "starts": [*record.get("starts", ()), start]})

    def samples(self) -> list[Path]:
        """Return the images kept from the validation split.

        Raises:
            BlueoilError: there are none.
        """
        found = samples.kept(self.folder)
        if not found:
            raise BlueoilError(
                f"experiment {self.id} keeps no sample images",
                where=str(self.folder / samples.FOLDER),
                fix="give one: --test_image IMAGE",
            )
        return found

    def remove(self) -> None:
        """Delete the run folder, out of sight first: a killed removal leaves no half experiment under its name."""
        doomed = self.folder.with_name(f".{self.id}.removed.{os.getpid()}")
        self.folder.rename(doomed)
        shutil.rmtree(doomed)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run folder against a second trainer. The system lets go when the process ends, however it ends.

        Raises:
            BlueoilError: another process holds it.
        """
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BlueoilError(
                    f"experiment {self.id} is being trained by another process",
                    where=str(self.folder),
                    fix="wait for it or stop it; another experiment needs another -e",
                ) from None
            yield
        finally:
            os.close(handle)

    def checkpoints(self) -> list[str]:
        """Return the names of the whole checkpoints, the oldest first."""
        folder = self.folder / "checkpoints"
        found = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        whole = [name for name in found if _CHECKPOINT.fullmatch(name) and _is_whole(folder / name)]
        return sorted(whole, key=step_of)

    @property
    def has_begun(self) -> bool:
        """Whether a checkpoint would be lost with the folder, be it of the float twin that is trained first."""
        return bool(self.checkpoints()) or any(self.folder.glob(f"{FLOAT}/checkpoints/save.ckpt-*"))

    def checkpoint(self, name: str | None = None) -> Path:
        """Return the folder of a checkpoint.

        Args:
            name: ``best``, ``last``, ``save.ckpt-N`` or ``N``; none: the best one, or the last before any validation.

        Raises:
            BlueoilError: there is none of this name; lists those that exist.
        """
        names = self.checkpoints()
        if not names:
            raise BlueoilError(
                f"experiment {self.id} has no checkpoint yet",
                where=str(self.folder / "checkpoints"),
                fix=f"blueoil train -e {self.id}",
            )
        best = self._best()
        wanted = {None: best or names[-1], "best": best or "best", "last": names[-1]}.get(name, name)
        assert wanted is not None  # noqa: S101 - the table has a value for None
        wanted = f"save.ckpt-{wanted}" if wanted.isdigit() else wanted
        if wanted not in names:
            raise BlueoilError(
                f"experiment {self.id} has no checkpoint {wanted}",
                where=str(self.folder / "checkpoints"),
                expected="one of " + ", ".join([*names, *(["best"] if best else []), "last"]),
            )
        return self.folder / "checkpoints" / wanted

    def classes(self, checkpoint: Path) -> tuple[str, ...]:
        """Return the class names of a checkpoint in the order of the outputs.

        Raises:
            BlueoilError: the checkpoint's state can't be read.
        """
        file = checkpoint / STATE
        try:
            return tuple(read_json(file, texts=("classes",))["classes"])
        except (OSError, KeyError) as error:
            raise damaged(file, error) from None

    def export_folder(self, checkpoint: str, image_size: tuple[int, int]) -> Path:
        """Return where the export of a checkpoint for an image size (height, width) lies."""
        return self.folder / "export" / checkpoint / f"{image_size[0]}x{image_size[1]}"

    def scores_file(self, checkpoint: str, backend: str) -> Path:
        """Return where the scores of a checkpoint, as one backend ran it, are kept."""
        return self.folder / "evaluate" / f"{checkpoint}_{backend}.json"

    def _best(self) -> str | None:
        file = self.folder / BEST
        return read_text(file).strip() or None if file.is_file() else None

    def _write_environment(self, record: dict[str, Any]) -> None:
        write_text(self.folder / RECORD, _record_text(record))


def _record_text(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=2) + "\n"


def step_of(checkpoint: str) -> int:
    """Return N of ``save.ckpt-N``."""
    match = _CHECKPOINT.fullmatch(checkpoint)
    if match is None:
        raise BlueoilError(f"{checkpoint!r} is no checkpoint", expected="save.ckpt-N")
    return int(match[1])


def _is_whole(checkpoint: Path) -> bool:
    return (checkpoint / MODEL).is_file() and (checkpoint / STATE).is_file()
