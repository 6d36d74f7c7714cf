"""The package on devices as they are: Python, numpy, Pillow and PyYAML of three Debians, and of one for ARMv7 boards.

The trees are fetched once into build/devices, by `make test-devices`; no root is needed, nothing is installed.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from packages import REPOSITORY, bare_site, run_device, save_image
from PIL import Image

from dlk.targets import TARGETS

pytestmark = [pytest.mark.downloads, pytest.mark.needs("mmdebstrap")]

TREES = REPOSITORY / "build" / "devices"
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "python3,python3-numpy,python3-pil,python3-yaml,libstdc++6"


@dataclass(frozen=True)
class Device:
    """A Debian: its name, Debian's and the compiler's name of its processor, and its Python."""

    suite: str
    architecture: str
    triple: str
    python: str

    @property
    def root(self) -> Path:
        return TREES / f"{self.suite}-{self.architecture}"

    def fetch(self) -> None:
        """Unpack the Debian's packages; its installation scripts do not run."""
        if self.root.exists():
            return
        TREES.mkdir(parents=True, exist_ok=True)
        unfinished = self.root.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        words = ["mmdebstrap", "--variant=extract", f"--architectures={self.architecture}", f"--include={PACKAGES}"]
        subprocess.run([*words, self.suite, unfinished, MIRROR], check=True)
        unfinished.rename(self.root)

    def command(self) -> list[object]:
        """Return what runs this Debian's Python here, without its loader's and libraries' usual places."""
        libraries = self.root / "usr/lib" / self.triple
        folders = [self.root / "lib" / self.triple, libraries, libraries / "blas", libraries / "lapack"]
        path = ":".join(map(str, folders))
        python = self.root / "usr/bin" / self.python
        if self.architecture == "amd64":
            loader = next(libraries.parent.parent.parent.glob("**/ld-linux-x86-64.so.2"))
            return ["env", f"PYTHONHOME={self.root / 'usr'}", loader, "--library-path", path, python]
        linked = [f"LD_LIBRARY_PATH={path}", f"PYTHONHOME={self.root / 'usr'}"]
        return [
            *TARGETS["arm"].emulator[:3],
            "-L",
            self.root,
            *(word for item in linked for word in ("-E", item)),
            python,
        ]


DEVICES = [
    Device("bullseye", "amd64", "x86_64-linux-gnu", "python3.9"),
    Device("bookworm", "amd64", "x86_64-linux-gnu", "python3.11"),
    Device("trixie", "amd64", "x86_64-linux-gnu", "python3.13"),
    pytest.param(Device("bookworm", "armhf", "arm-linux-gnueabihf", "python3.11"), marks=pytest.mark.needs("qemu-arm")),
]


@pytest.fixture(scope="module", params=DEVICES, ids=lambda device: f"{device.suite}-{device.architecture}")
def device(request: pytest.FixtureRequest) -> Device:
    request.param.fetch()
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def package(everywhere: Path, tmp_path: Path) -> Path:
    shutil.copytree(everywhere / "output", tmp_path / "output")
    return tmp_path / "output"


def run(device: Device, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, device.command()), *map(str, words)],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=cwd, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def library(device: Device) -> Sequence[object]:
    """Name the library: under an emulator the kernel is still that of this machine."""
    return ["-m", f"../models/lib/libdlk_{'arm' if device.architecture == 'armhf' else 'x86'}.so"]


def masks(folder: Path) -> list[np.ndarray]:
    entries = json.loads((folder / "output.json").read_text())["results"][0]["prediction"]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(entry["mask"])))) for entry in entries]


def test_the_self_test_passes(device: Device, package: Path) -> None:
    done = run(device, "run.py", "--self-test", *library(device), cwd=package / "python")
    assert done.returncode == 0, done.stderr
    assert "self-test passed" in done.stderr


def test_a_picture_gives_the_same_classes_as_here(device: Device, package: Path, tmp_path: Path) -> None:
    save_image(tmp_path / "street.png", seed=4)
    done = run(device, "run.py", "-i", tmp_path / "street.png", "-o", tmp_path / "there", *library(device), "--json",
               cwd=package / "python")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"] == 1
    here = run_device(package / "python/run.py", bare_site(tmp_path / "site"), "-i", tmp_path / "street.png", "-o",
                      tmp_path / "here")  # fmt: skip
    assert here.returncode == 0, here.stderr
    assert all(np.array_equal(*pair) for pair in zip(masks(tmp_path / "there"), masks(tmp_path / "here"), strict=True))
    with Image.open(tmp_path / "there/images/street_mask.png") as picture:
        assert picture.size[0] > 40, "with its legend"


def test_the_camera_server_and_the_demo_run_on_the_drawn_street(device: Device, package: Path, tmp_path: Path) -> None:
    words = ["--source", "synthetic", "--frames", "3", *library(device)]
    done = run(device, "motion_jpeg_server_from_camera.py", *words, "--port", "0", cwd=package / "python")
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 1), done.stderr
    done = run(device, "usb_camera_demo.py", *words, "--save", tmp_path / "frames", cwd=package / "python")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "frames").iterdir())) == 3


def test_mistakes_are_one_sentence(device: Device, package: Path, tmp_path: Path) -> None:
    save_image(tmp_path / "street.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "street.png").read_bytes()[:300])
    (tmp_path / "drive.mp4").write_bytes(b"no video")
    changed = package / "models/lib" / Path(str(library(device)[1])).name
    cases: list[tuple[Path, str]] = [(tmp_path / "cut.png", "cut.png"), (tmp_path / "drive.mp4", "OpenCV")]
    for given, told in cases:
        done = run(device, "run.py", "-i", given, *library(device), cwd=package / "python")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert told in done.stderr.splitlines()[-1]
    changed.write_bytes(changed.read_bytes() + b"\0")
    done = run(device, "run.py", "-i", tmp_path / "street.png", *library(device), cwd=package / "python")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "was not loaded: its SHA-256" in done.stderr
