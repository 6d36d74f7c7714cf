"""Segment one picture in a program of your own: write the class indices as grey values, print each class's share.

python segment.py picture.jpg classes.png
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "python"))

import numpy as np
from lmnet.inference import Model, UsageError, default_meta, default_model, read_meta
from PIL import Image

from lmnet.processors.images import ImageError, read_image


def segment(source: str, target: str) -> None:
    """Segment the picture ``source``. Raises UsageError and ImageError, one sentence each."""
    with Model(default_model(), read_meta(default_meta())) as model:
        classes = model.predict(read_image(source)).classes
    Image.fromarray(classes).save(target)
    for index, name in enumerate(model.meta.classes):
        print(f"{name} {np.mean(classes == index):.4f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: segment.py picture.jpg classes.png")
    try:
        segment(sys.argv[1], sys.argv[2])
    except (UsageError, ImageError, OSError) as fault:
        sys.exit(f"error: {fault}")
