"""`make demo` from the first command to the picture, with its own measure of success."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image


def test_the_demo_learns_converts_and_shows_a_picture(tmp_path: Path) -> None:
    # A quarter of the pixels in more steps: 37 % where the gate is 30, for two thirds of what 200 steps of 96x128 cost.
    smaller = ["--size", "48x64", "--steps", "500"]
    done = subprocess.run(
        [sys.executable, "-m", "blueoil", "demo", "--json", *smaller, "-o", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert values["mean_iou"] >= max(0.30, 2 * values["constant_mean_iou"])
    assert values["latency_ms"] > 0
    with Image.open(values["prediction"]) as prediction:
        assert prediction.size == (64, 48)
    with Image.open(values["picture"]) as picture:
        assert picture.format == "PNG"
        assert picture.width > 3 * 64 * 5  # three columns, enlarged five times
        assert picture.height > 4 * 48 * 5
    shown = [line for line in done.stderr.splitlines() if line.startswith("$ ")]
    verbs = ["blueoil dataset", "blueoil init", "blueoil train", "blueoil convert", "blueoil evaluate", "cd ", "python"]
    assert [line.startswith(f"$ {verb}") for line, verb in zip(shown, verbs, strict=True)] == [True] * len(verbs)
