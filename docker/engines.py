"""The engines that run the image, by the words of ``docker run``."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ENGINES = {"docker": ["info"], "podman": ["info"], "buildah": ["--version"]}
"""In the order that they are asked, and what each of them answers when it works."""


class FaultError(Exception):
    """The image does not do what the tutorial promises."""


def check(holds: object, what: str) -> None:
    """Raise FaultError with ``what`` should have held."""
    if not holds:
        raise FaultError(what)


class Engine:
    """An engine, and how it runs the lines of ``docker run``.

    Args:
        name: of ENGINES.
        options: for each run, in the engine's own words.
    """

    def __init__(self, name: str, options: Sequence[str]) -> None:
        self.name, self.options = name, list(options)

    @contextmanager
    def command(self, words: Sequence[str]) -> Iterator[list[str]]:
        """Give the command that runs the words of a ``docker run``."""
        if self.name != "buildah":
            yield [self.name, "run", *self.options, *words[2:]]
            return
        # It has no entry points, ports or -i, and keeps each container.
        parser = argparse.ArgumentParser()
        for flag in ("--rm", "-it"):
            parser.add_argument(flag, action="store_true", dest=flag.strip("-"))
        for flag, dest in (("-v", "mounts"), ("-e", "variables"), ("-p", "ports")):
            parser.add_argument(flag, action="append", default=[], dest=dest)
        parser.add_argument("-w", dest="folder", default="/home/blueoil")
        parser.add_argument("--user", default="0:0")
        parser.add_argument("words", nargs=argparse.REMAINDER)
        given = parser.parse_args(list(words[2:]))
        container = self._said("from", given.words[0])
        try:
            for mount in given.mounts:
                Path(mount.split(":")[0]).mkdir(exist_ok=True)  # as the other engines do
            yield [
                "buildah", "run", "--isolation", "chroot", *self.options, "--user", given.user,
                "--workingdir", given.folder, *(["--terminal"] if given.it else []),
                *(f"--volume={mount}" for mount in given.mounts), *(f"--env={name}" for name in given.variables),
                container, "--", "/usr/local/bin/entrypoint", *given.words[1:],
            ]  # fmt: skip
        finally:
            self._said("rm", container)

    def size(self, image: str) -> int:
        """Return the bytes of an image."""
        if self.name != "buildah":
            return int(self._said("image", "inspect", "--format", "{{.Size}}", image))
        listed = json.loads(self._said("images", "--json", image))
        number, unit = listed[0]["size"].split()
        return int(float(number) * {"MB": 10**6, "GB": 10**9}[unit])

    def _said(self, *words: str) -> str:
        return subprocess.run([self.name, *words], check=True, capture_output=True, text=True).stdout.strip()


def choose_engine() -> str:
    """Return the first engine that answers."""
    for name, words in ENGINES.items():
        if shutil.which(name) and subprocess.run([name, *words], capture_output=True, check=False).returncode == 0:
            return name
    raise FaultError(f"none of {', '.join(ENGINES)} answers; install one, or start Docker's service")
