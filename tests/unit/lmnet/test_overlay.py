"""Overlay and mask pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageFont

from lmnet.processors import overlay as module
from lmnet.processors.overlay import mask_picture, overlay
from lmnet.processors.palette import class_colors

NAMES = ["sky", "road"]


def test_overlay_is_half_and_half_at_the_size_of_the_image() -> None:
    image = np.full((4, 6, 3), 200, np.uint8)
    classes = np.array([[0, 1, 255]], np.uint8)
    result = overlay(image, classes, class_colors(NAMES))
    assert result.dtype == np.uint8
    assert result.shape == (4, 6, 3)
    assert result[0, 0].tolist() == [164, 164, 164]
    assert result[3, 3].tolist() == [164, 132, 164]
    assert result[2, 5].tolist() == [100, 100, 100]


def test_mask_picture_holds_the_mask_and_a_swatch_of_every_class() -> None:
    classes = np.array([[0, 0], [1, 255]], np.uint8)
    picture = mask_picture(classes, class_colors(NAMES), NAMES, size=(40, 60))
    assert picture.shape[0] >= 40
    assert picture.shape[1] > 60
    assert picture[0, 0].tolist() == [128, 128, 128]
    assert picture[39, 0].tolist() == [128, 64, 128]
    assert picture[39, 59].tolist() == [0, 0, 0]
    legend = picture[:, 60:].reshape(-1, 3)
    for color in ((128, 128, 128), (128, 64, 128), (0, 0, 0)):
        assert (legend == color).all(axis=1).sum() >= 100, color
    dark_rows = np.flatnonzero((picture[:, 80:].max(axis=2) < 90).any(axis=1))
    assert len(dark_rows) > 20, "the names are written"


@pytest.mark.parametrize("count", [1, 11, 40, 120])
def test_the_legend_of_many_classes_fits_the_picture(count: int) -> None:
    names = [f"class {i}" for i in range(count)]
    colors = class_colors(names)
    picture = mask_picture(np.zeros((32, 32), np.uint8), colors, names)
    legend = picture[:, 32:].reshape(-1, 3)
    for color in colors:
        assert (legend == color).all(axis=1).sum() >= 80


def test_a_pillow_without_freetype_still_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    small = ImageFont.load_default_imagefont()

    def load_default(size: float | None = None) -> ImageFont.ImageFont:
        if size is not None:
            raise ImportError("no FreeType")
        return small

    monkeypatch.setattr(module.ImageFont, "load_default", load_default)
    picture = mask_picture(np.zeros((16, 16), np.uint8), class_colors(["道路"]), ["道路"])
    assert picture.shape[1] > 16
