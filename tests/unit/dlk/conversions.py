"""One conversion shared by tests: its build tree is kept, so that a changed constant costs one small compile."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
from pathlib import Path

from exports import PROCESSORS

import dlk.build
import dlk.convert
from dlk.convert import Conversion
from dlk.targets import Target


class SharedBuild:
    """Takes the place of ``dlk.convert.build``: builds in one tree, of which only what changed is compiled."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree

    def __call__(self, project: Path, target: Target, *, jobs: int | None = None) -> Path:
        """Build ``project`` as ``dlk.build.build`` would."""
        tree = self.tree / target.name
        for source in project.rglob("*"):
            copy = tree / source.relative_to(project)
            if source.is_file() and not (copy.is_file() and copy.read_bytes() == source.read_bytes()):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
        library = dlk.build.build(tree, target, jobs=jobs)
        shutil.copytree(tree / "build", project / "build")
        return project / "build" / library.name


@dataclasses.dataclass
class Done:
    """A finished conversion, made once; tests that change something do so in a copy of its folder."""

    export: Path
    build: SharedBuild
    conversion: Conversion
    events: list[tuple[str, str, float]]


def convert(export: Path, *targets: str) -> Conversion:
    """Convert with the repository's own processors."""
    return dlk.convert.convert(export, targets=targets or ("x86",), processors=PROCESSORS, jobs=2)


def fingerprint(folder: Path) -> dict[str, str]:
    """Return the hash of every file below ``folder``."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sign_words(project: Path, layer: str) -> list[int]:
    """Return the packed weights of a layer from the generated sources."""
    text = (project / "generated" / "constants.cpp").read_text()
    found = re.search(rf'kSigns\d+\[\] = {{  // "{layer}"\n([^}}]*)}}', text)
    assert found is not None
    return [int(word, 16) for word in re.findall(r"0x([0-9a-f]+)u", found[1])]
