"""Debian's source package, from apt or from the mirrors, always checked against the hash that stands here."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dlk.errors import DlkError

logger = logging.getLogger("boot")
TIMEOUT = 60.0  # seconds without a byte
DSC_LIMIT = 64 * 1024
_FILE_NAME = re.compile(r"[a-z0-9][A-Za-z0-9.+~_-]*")


@dataclass(frozen=True, slots=True)
class SourcePackage:
    """A version of a source package; its ``.dsc`` names all other files with their hashes."""

    name: str
    version: str
    dsc_sha256: str
    megabytes: float
    licence: str
    mirrors: tuple[str, ...]

    @property
    def dsc(self) -> str:
        """Return the file name of the description."""
        return f"{self.name}_{self.version}.dsc"


U_BOOT = SourcePackage(
    name="u-boot",
    version="2023.01+dfsg-2+deb12u3",
    dsc_sha256="baf9a1492456920ff66b00fdd19ce8c588261bc2698b4875c9f5fdcfb1332aae",
    megabytes=15.7,
    licence="GPL-2.0",
    # A mirror keeps the newest versions only; the snapshot keeps all.
    mirrors=(
        "http://deb.debian.org/debian/pool/main/u/u-boot/",
        "https://snapshot.debian.org/archive/debian/20261101T000000Z/pool/main/u/u-boot/",
    ),
)


def fetch(package: SourcePackage, folder: Path) -> Path:
    """Bring all files of ``package`` into ``folder`` and return the ``.dsc``; files that are there are checked only.

    Raises DlkError when neither apt nor a mirror has a file with the right hash.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / package.dsc).exists() and _apt_has(package):
        _apt_fetch(package, folder)
    dsc = folder / package.dsc
    _fetch_file(package, dsc, package.dsc_sha256, DSC_LIMIT)
    for name, (digest, size) in files_of(dsc.read_text(encoding="utf-8")).items():
        _fetch_file(package, folder / name, digest, size)
    return dsc


def files_of(dsc: str) -> Mapping[str, tuple[str, int]]:
    """Return, of a ``.dsc``, each file's sha256 and size in bytes. Raises DlkError when it names none, or a path."""
    section = re.search(r"^Checksums-Sha256:\n((?: .*\n)+)", dsc, re.MULTILINE)
    found = {}
    for line in section[1].splitlines() if section else []:
        digest, size, name = line.split()
        if not _FILE_NAME.fullmatch(name):
            raise DlkError("A source package names a file outside of its folder", where=".dsc", received=name)
        found[name] = (digest, int(size))
    if not found:
        raise DlkError("A source package lists no files", where=".dsc", expected="a section Checksums-Sha256")
    return found


def _apt_has(package: SourcePackage) -> bool:
    """Return whether apt knows this version, which needs a ``deb-src`` line."""
    if shutil.which("apt-cache") is None:
        return False
    shown = subprocess.run(
        ["apt-cache", "showsrc", "--only-source", package.name], capture_output=True, text=True, check=False
    )
    return f"\nVersion: {package.version}\n" in shown.stdout


def _apt_fetch(package: SourcePackage, folder: Path) -> None:
    logger.info("from apt: %s %s", package.name, package.version)
    command = ["apt-get", "source", "--download-only", f"{package.name}={package.version}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        logger.info("apt-get source failed (%s); trying the mirrors", done.stderr.strip().splitlines()[-1:])


def _fetch_file(package: SourcePackage, path: Path, digest: str, limit: int) -> None:
    """Leave ``path`` with this hash. ``limit``: bytes; a longer answer is refused while it comes in."""
    if path.exists() and _sha256(path) == digest:
        return
    part = path.with_name(path.name + ".part")
    refused = []
    for mirror in package.mirrors:
        address = mirror + quote(path.name)
        try:
            with part.open("wb") as file:
                for block in _blocks(address, limit):
                    file.write(block)
        except (OSError, ValueError) as error:
            refused.append(f"{address}: {error}")
            continue
        received = _sha256(part)
        if received == digest:
            part.replace(path)
            logger.info("from %s", address)
            return
        refused.append(f"{address}: sha256 {received}")
    part.unlink(missing_ok=True)
    raise DlkError(
        f"{path.name} could not be downloaded",
        expected=f"sha256 {digest}",
        received="; ".join(refused),
        fix=f"check the network, or lay the file into {path.parent}",
    )


def _blocks(address: str, limit: int) -> Iterator[bytes]:
    """Yield what ``address`` answers. Raises ValueError when it is longer than ``limit`` bytes, else OSError."""
    if not address.startswith(("http://", "https://")):
        raise ValueError("not an address of the web")
    left = limit
    with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:  # noqa: S310 - http and https only, see above
        while block := answer.read(65536):
            left -= len(block)
            if left < 0:
                raise ValueError(f"longer than {limit} bytes")
            yield block


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
