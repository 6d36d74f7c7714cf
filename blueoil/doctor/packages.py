"""Python and the packages: versions as installed beside the ranges in this project's own metadata. Imports none."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from blueoil.doctor.check import Finding, Probe, State

PROJECT = "blueoil"
_TREE = Path(__file__).parents[2]


def requirements(extra: str = "") -> tuple[Requirement, ...]:
    """Return what the project requires by itself, or what one extra adds; nothing where it is not installed."""
    try:
        lines = metadata.requires(PROJECT) or []
    except metadata.PackageNotFoundError:
        return ()
    found = (Requirement(line) for line in lines)
    return tuple(item for item in found if _applies(item, extra))


def _applies(item: Requirement, extra: str) -> bool:
    if item.marker is None:
        return not extra
    return item.marker.evaluate({"extra": extra}) and not (extra and item.marker.evaluate({"extra": ""}))


def install(*words: str) -> str:
    """Return the command that installs requirements into this Python."""
    return shlex.join([sys.executable, "-m", "pip", "install", *words])


def install_extra(name: str) -> str:
    """Return the command that installs an extra of the project, from its own folder where it runs from there."""
    return install("-e", f"{_TREE}[{name}]") if (_TREE / "pyproject.toml").is_file() else install(f"{PROJECT}[{name}]")


def python() -> Finding:
    """Judge the Python that runs this."""
    version = platform.python_version()
    try:
        wanted = SpecifierSet(metadata.metadata(PROJECT)["Requires-Python"])
    except metadata.PackageNotFoundError:
        return Finding(State.UNUSABLE, f"{version}; {PROJECT} is not installed in it", install_extra("cpu"))
    return _judge("", version, wanted)


def package(*alternatives: Requirement) -> Probe:
    """Return the probe of a package; of the first installed one, where others would do too."""

    def probe() -> Finding:
        for item in alternatives:
            try:
                version = metadata.version(item.name)
            except metadata.PackageNotFoundError:
                continue
            finding = _judge(item.name if alternatives[1:] else "", version, item.specifier)
            return (
                finding
                if finding.state is State.OK
                else Finding(finding.state, finding.found, install(without_extra(item)))
            )
        return Finding(State.MISSING, f"not installed: {' or '.join(item.name for item in alternatives) or PROJECT}")

    return probe


def without_extra(item: Requirement) -> str:
    """Return a requirement as pip takes it, without the marker."""
    extras = f"[{','.join(sorted(item.extras))}]" if item.extras else ""
    return f"{item.name}{extras}{item.specifier}"


def _judge(name: str, version: str, wanted: SpecifierSet) -> Finding:
    found = f"{name} {version} ({wanted})".strip()
    if wanted.contains(version, prereleases=True):
        return Finding(State.OK, found)
    return Finding(State.TOO_OLD if _is_older(version, wanted) else State.TOO_NEW, found)


def _is_older(version: str, wanted: SpecifierSet) -> bool:
    least: Sequence[str] = [item.version for item in wanted if item.operator in (">=", ">", "==", "~=")]
    return any(Version(version) < Version(bound) for bound in least)
