"""Every command in README.md and docs/ is run as it is printed, in order, in an empty folder."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Minutes of training show nothing here that three steps do not; checkpoints are named after the steps, so both change.
SHORTER = {"300": "3"}
# The sizes of the first page, where they are left to the defaults, which tests/smoke has: a quarter of the work.
SMALLER = {
    "dataset sample CamVid  ": "dataset sample CamVid --train 8 --validation 3 --size 48x64 ",
    "--defaults  ": "--defaults image_size=48x64 ",
    "128x128": "48x64",
}
JAX = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # three steps do not earn what its compiler spends


def commands(document: Path) -> str:
    """Return the ``sh`` blocks of a page as one script; the environment of the tests stands for the activated one."""
    blocks = re.findall(r"^```sh\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    text = "\n".join(blocks).replace(". .venv/bin/activate\n", "")
    for long, short in SHORTER.items():
        text = re.sub(rf"\b{long}\b", short, text)
    for large, small in SMALLER.items():
        assert large in text or document.name not in ("README.md", "index.md")
        text = text.replace(large, small)
    return text


PAGES = [
    "README.md",
    "docs/install.md",
    "docs/data.md",
    pytest.param("docs/export.md", marks=pytest.mark.needs("qonnx")),
    pytest.param("docs/scale.md", marks=pytest.mark.needs("jax", "ray")),
]


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run(page: str, tmp_path: Path) -> None:
    with socket.socket() as probe:  # in the place of the port of the page, which somebody may have
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    script = commands(ROOT / page).replace("127.0.0.1:9876", address)
    assert "blueoil " in script
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=tmp_path,
        env={**os.environ, **JAX, "PATH": path, "OUTPUT_DIR": "saved", "JAX_COORDINATOR_BIND_ADDRESS": address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if page == "README.md":
        package = tmp_path / "saved" / "first" / "export" / "save.ckpt-3" / "48x64" / "output"
        names = {path.name for path in (package / "models" / "lib").iterdir()}
        assert names == {"libdlk_x86.so", "libdlk_arm.so", "libdlk_aarch64.so", "libdlk_fpga.so"}
        images = len((tmp_path / "CamVid" / "val.txt").read_text(encoding="utf-8").split("\n")) - 1
        assert len(list((package / "python" / "output" / "images").glob("*_mask.png"))) == images == 3
        assert "0 mismatches" in done.stdout


def test_the_first_page_begins_as_the_readme_does() -> None:
    assert commands(ROOT / "docs" / "index.md") == commands(ROOT / "README.md") != ""


def test_each_page_names_only_files_that_exist() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
