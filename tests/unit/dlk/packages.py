"""A small package around the fake library, and a Python that has nothing but the device's requirements."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml
from fake_library import compile_fake
from PIL import Image

from dlk.package import assemble
from dlk.package.board import BoardFiles
from lmnet.processors.pre import PRE_PROCESSORS

REPOSITORY = Path(__file__).parents[3]
PROCESSORS = REPOSITORY / "lmnet" / "processors"
HEIGHT, WIDTH = 12, 16
CLASSES = ["sky", "building", "road", "car"]
STEP = 0.25


def fake_outputs(images: np.ndarray) -> np.ndarray:
    """Return what the fake library computes for uint8 images [N,H,W,3]."""
    channels = np.arange(len(CLASSES))
    inputs = np.stack([PRE_PROCESSORS["PerImageStandardization"](image) for image in images])
    return inputs[..., channels % 3] + np.float32(STEP) * channels.astype(np.float32)


def write_export(folder: Path) -> Path:
    """Write an export folder's meta.yaml and a stand-in for the frozen graph."""
    folder.mkdir(parents=True, exist_ok=True)
    meta = {
        "version": 1,
        "TASK": "IMAGE.SEMANTIC_SEGMENTATION",
        "CLASSES": CLASSES,
        "DATA_FORMAT": "NHWC",
        "IMAGE_SIZE": [HEIGHT, WIDTH],
        "PRE_PROCESSOR": [
            {"Resize": {"size": [HEIGHT, WIDTH], "resample": "NEAREST"}},
            {"PerImageStandardization": None},
        ],
        "POST_PROCESSOR": None,
    }
    (folder / "meta.yaml").write_text(yaml.safe_dump(meta, sort_keys=False))
    (folder / "minimal_graph_with_shape.pb").write_bytes(b"a frozen graph")
    return folder


def make_package(folder: Path, board: BoardFiles | None = None) -> Path:
    """Assemble a package with libraries for x86 and ARM below ``folder``; return it."""
    images = np.random.default_rng(5).integers(0, 256, (2, HEIGHT, WIDTH, 3), dtype=np.uint8)
    libraries = {
        name: compile_fake(
            folder / "built" / f"libdlk_{name}.so",
            height=HEIGHT,
            width=WIDTH,
            classes=len(CLASSES),
            step=STEP,
            triple=triple,
        )
        for name, triple in (("x86", "x86_64-linux-gnu.2.17"), ("arm", "arm-linux-gnueabihf.2.17"))
    }
    assemble(
        folder / "output",
        export=write_export(folder / "export"),
        libraries=libraries,
        processors=PROCESSORS,
        images=images,
        outputs=fake_outputs(images),
        board=board,
    )
    return folder / "output"


def change_meta(package: Path, **values: object) -> None:
    """Change keys of a package's meta.yaml; with ``sums``, a list of files, add those to its hashes."""
    path = package / "models/meta.yaml"
    meta = yaml.safe_load(path.read_text())
    for file in values.pop("sums", ()):
        meta["hashes"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    path.write_text(yaml.safe_dump({**meta, **values}))


def bare_site(folder: Path, *more: str) -> Path:
    """Make a folder of packages that holds what requirements.txt names, and ``more``, and nothing else."""
    folder.mkdir()
    site = Path(np.__file__).parents[1]
    for name in ("numpy", "numpy.libs", "PIL", "pillow.libs", "yaml", "_yaml", *more):
        if (site / name).exists():
            (folder / name).symlink_to(site / name)
    return folder


def device_environment(site: Path, **variables: str) -> dict[str, str]:
    """Return the variables of a Python without this environment's packages."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1", **variables}


def run_device(
    script: Path, site: Path, *arguments: object, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a device program in a Python without this environment's packages."""
    return subprocess.run(
        [sys.executable, "-S", "-s", script, *map(str, arguments)],
        env=device_environment(site, **variables), cwd=cwd or script.parent,
        capture_output=True, text=True, errors="replace", timeout=120, check=False,
    )  # fmt: skip


def save_image(path: Path, *, height: int = 30, width: int = 40, seed: int = 0) -> np.ndarray:
    """Write a random picture; return its pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels
