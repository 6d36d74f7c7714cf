"""``overlays/``: what the network makes of the same four validation images, a picture at every validation.

``latest.png`` is the newest one, ``step_000123.png`` are those of the run: the first, the newest and, of what lies
between, as many as are kept, evenly spread over the steps.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

from lmnet.evaluation.pictures import grid
from lmnet.training.callbacks.base import StepCallback

FOLDER, LATEST = "overlays", "latest.png"
MOST = 20
_NAME = re.compile(r"step_(\d+)\.png")


class Overlays(StepCallback):
    """Comes before TensorBoard, which records the pictures of the same images."""

    writes = True

    def after_step(self) -> None:
        """Draw after a validation."""
        state = self.state
        if state.validation is None:
            return
        state.pictures = state.show(state.dataset.validation)
        title = f"step {state.step}    validation mIoU {100 * state.validation.scores.mean_iou:.1f} %"
        png = io.BytesIO()
        grid(state.pictures, state.dataset.classes, title).save(png, format="PNG")
        folder = state.folder / FOLDER
        folder.mkdir(exist_ok=True)
        for name in (f"step_{state.step:06d}.png", LATEST):
            unfinished = folder / f".unfinished-{name}"
            unfinished.write_bytes(png.getvalue())
            unfinished.replace(folder / name)
        thin(folder)


def thin(folder: Path) -> None:
    """Remove numbered pictures until at most ``MOST`` are left."""
    found = {int(match[1]): path for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))}
    while len(found) > MOST:
        found.pop(closest(sorted(found))).unlink()


def closest(steps: Sequence[int]) -> int:
    """Return the step, neither the first nor the last of three or more, whose neighbours lie closest to each other."""
    return min(zip(steps, steps[1:], steps[2:], strict=False), key=lambda three: three[2] - three[0])[1]
