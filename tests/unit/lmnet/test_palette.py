"""Colours of classes."""

from __future__ import annotations

import numpy as np

from lmnet.processors.palette import CAMVID_COLORS, class_colors, paint


def test_camvid_names_have_camvid_colours_in_any_case_and_order() -> None:
    colors = class_colors(["Road", "SKY", "Sign Symbol", "sign_symbol", "bicyclist"])
    assert colors.dtype == np.uint8
    assert colors.tolist() == [[128, 64, 128], [128, 128, 128], [192, 128, 128], [192, 128, 128], [0, 128, 192]]


def test_many_classes_have_many_colours() -> None:
    names = [*CAMVID_COLORS, *(f"other {i}" for i in range(120))]
    colors = class_colors(names)
    assert len({tuple(c) for c in colors.tolist()}) == len(names)
    assert (0, 0, 0) not in {tuple(c) for c in colors.tolist()}
    assert class_colors([]).shape == (0, 3)


def test_painting_makes_void_black() -> None:
    colors = class_colors(["sky", "road"])
    painted = paint(np.array([[0, 1, 2, 255]], np.uint8), colors)
    assert painted.tolist() == [[[128, 128, 128], [128, 64, 128], [0, 0, 0], [0, 0, 0]]]
