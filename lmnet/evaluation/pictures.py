"""What an executor makes of a few images of a split, always the same ones, to be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lmnet.datasets.base import Split
from lmnet.processors.overlay import BACKGROUND, TEXT, legend, load_font, overlay
from lmnet.processors.palette import VOID_COLOR, class_colors, paint
from lmnet.processors.post import class_map
from lmnet.processors.pre import PRE_PROCESSORS

COUNT = 4
COLUMNS = {"input": "image", "labels": "label", "overlap": "prediction over the image"}
"""What a row of the grid shows, and its title."""

_SIDE = 320
_LINE = 20
_GAP = 4


def pictures(
    predict: Callable[[NDArray[np.float32]], NDArray[np.float32]], split: Split, preprocessor: str, names: Sequence[str]
) -> dict[str, NDArray[np.uint8]]:
    """Return pictures uint8 [N,H,W,3] by name, of up to ``COUNT`` images that lie evenly spaced over a split.

    Args:
        predict: preprocessed images float32 [N,H,W,3] to logits float32 [N,H,W,C].
        split: images and masks at the executor's input size.
        preprocessor: name of the pre-processing, a key of PRE_PROCESSORS.
        names: of the C classes.

    Returns:
        ``input`` the images, not augmented; ``labels`` and ``prediction`` in the colours of the classes; ``overlap``
        the prediction over the image.
    """
    indices = np.linspace(0, len(split) - 1, min(COUNT, len(split))).round().astype(int)
    samples = [split.load(int(i)) for i in indices]
    preprocess = PRE_PROCESSORS[preprocessor]
    classes = class_map(predict(np.stack([preprocess(s.image) for s in samples])))
    colors = class_colors(names)
    return {
        "input": np.stack([s.image for s in samples]),
        "labels": np.stack([paint(s.mask, colors) for s in samples]),
        "prediction": np.stack([paint(c, colors) for c in classes]),
        "overlap": np.stack([overlay(s.image, c, colors) for s, c in zip(samples, classes, strict=True)]),
    }


def grid(shown: Mapping[str, NDArray[np.uint8]], names: Sequence[str], title: str) -> Image.Image:
    """Return one picture: a row an image, its label and prediction beside it, and the colours of the classes.

    Args:
        shown: what ``pictures`` returns.
        names: of the classes.
        title: the line above.
    """
    columns = [[_fitted(picture) for picture in shown[name]] for name in COLUMNS]
    width, height = columns[0][0].size
    top = 2 * _LINE
    body = top + len(columns[0]) * (height + _GAP)
    colors = np.vstack([class_colors(names), [VOID_COLOR]])
    key = legend([*names, "void"], colors, body - top)
    sheet = Image.new("RGB", (len(columns) * (width + _GAP) + key.width, max(body, top + key.height)), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), load_font()
    draw.text((_GAP, 2), title, fill=TEXT, font=font)
    for column, (pieces, heading) in enumerate(zip(columns, COLUMNS.values(), strict=True)):
        left = column * (width + _GAP)
        draw.text((left + _GAP, _LINE + 2), heading, fill=TEXT, font=font)
        for row, piece in enumerate(pieces):
            sheet.paste(piece, (left, top + row * (height + _GAP)))
    sheet.paste(key, (len(columns) * (width + _GAP), top))
    return sheet


def _fitted(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return a picture whose longer side has ``_SIDE`` pixels, or nearly so where a small one grows by whole pixels."""
    height, width = pixels.shape[:2]
    share = _SIDE / max(height, width)
    share = max(1, int(share)) if share >= 1 else share
    size = max(1, round(width * share)), max(1, round(height * share))
    return Image.fromarray(pixels).resize(size, Image.Resampling.BOX)
