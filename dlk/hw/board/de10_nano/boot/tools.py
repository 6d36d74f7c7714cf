"""What the recipe needs on a plain Debian 12, and how to get it."""

from __future__ import annotations

import os
import shutil
import subprocess

from dlk.errors import DlkError

PACKAGES = (
    "bc",
    "bison",
    "device-tree-compiler",
    "dpkg-dev",
    "flex",
    "gcc",
    "gcc-arm-linux-gnueabihf",
    "libc6-dev",
    "libgnutls28-dev",
    "libssl-dev",
    "make",
    "python3-dev",
    "python3-setuptools",
    "swig",
    "uuid-dev",
)


def missing_packages() -> list[str]:
    """Return those of PACKAGES that are not installed. Raises DlkError where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        raise DlkError(
            "The boot files are built with Debian's packages",
            expected="Debian 12 or a system like it",
            received="no dpkg-query",
            fix="run it in a container: docker run --rm -it -v .:/src -w /src debian:12, then install python3 and make",
        )
    form = "${Package} ${db:Status-Status}\n"
    shown = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={form}", *PACKAGES], capture_output=True, text=True, check=False
    )
    installed = {line.split()[0] for line in shown.stdout.splitlines() if line.endswith(" installed")}
    return [package for package in PACKAGES if package not in installed]


def require_packages(*, install: bool) -> None:
    """Install what is missing when ``install``, else raise DlkError that names it. Installing needs root."""
    missing = missing_packages()
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if not install:
        raise DlkError(
            "Packages are missing to build the boot files",
            received=", ".join(missing),
            fix=f"as root: {' '.join(command)} (or: make boot INSTALL=1)",
        )
    if os.geteuid() != 0:
        raise DlkError("Only root installs packages", received=", ".join(missing), fix="sudo make boot INSTALL=1")
    for step in (["apt-get", "update"], command):
        done = subprocess.run(step, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=False)
        if done.returncode:
            raise DlkError("apt-get failed", where=" ".join(step), received=f"exit status {done.returncode}")
