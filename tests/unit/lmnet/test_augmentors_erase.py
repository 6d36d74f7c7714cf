"""Patches: where, how large, and what the mask holds below them."""

from __future__ import annotations

import numpy as np
import pytest
from augmenting import noise, of, rng
from hypothesis import given, settings
from hypothesis import strategies as st

from lmnet.datasets import VOID

IMAGE, MASK = noise(60, 80)
COLOR = (1, 2, 3)


def box(changed: np.ndarray) -> tuple[int, int]:
    """Return height and width of the one rectangle that is True."""
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert changed.sum() == height * width
    return int(height), int(width)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.tuples(st.floats(0.01, 0.5), st.floats(0.01, 0.5)), st.floats(0.3, 1.0))
def test_an_erased_patch_is_void_of_one_colour_and_as_large_as_told(
    seed: int, ends: tuple[float, float], r1: float
) -> None:
    params = {"sl": ends[0], "sh": ends[1], "r1": r1, "mean": COLOR}
    image, mask = of("RandomErasing")(IMAGE, MASK, rng(seed), probability=1.0, **params)
    patch = mask == VOID
    height, width = box(patch)
    assert (image[patch] == COLOR).all()
    assert np.array_equal(image[~patch], IMAGE[~patch])
    assert np.array_equal(mask[~patch], MASK[~patch])
    assert height * width <= (max(ends) + 0.05) * mask.size
    if height < 60 and width < 80:
        assert height * width >= (min(ends) - 0.01) * mask.size
        assert (height + 1) / (width - 0.5) >= r1
        assert (width + 1) / (height - 0.5) >= r1


def test_patches_are_tall_and_wide_and_lie_anywhere() -> None:
    params = {"probability": 1.0, "sh": 0.1, "r1": 0.5}
    erased = [of("RandomErasing")(IMAGE, MASK, rng(seed), **params)[1] == VOID for seed in range(300)]
    tall = sum(height > width for height, width in map(box, erased))
    assert 120 < tall < 180
    reached = np.any(erased, axis=0)
    assert reached[0].any() and reached[-1].any()
    assert reached[:, 0].any() and reached[:, -1].any()


def test_erasing_happens_as_often_as_told_and_keeps_the_mask_where_told() -> None:
    draw = rng(3)
    same = sum(of("RandomErasing")(IMAGE, MASK, draw, probability=0.3)[0] is IMAGE for _ in range(600))
    assert 380 < same < 460
    image, mask = of("RandomErasing")(IMAGE, MASK, rng(), probability=1.0, labels="keep")
    assert mask is MASK
    assert (image != IMAGE).any()


def test_noise_is_no_colour() -> None:
    image, mask = of("RandomErasing")(IMAGE, MASK, rng(), probability=1.0, sl=0.2, sh=0.2, content_type="random")
    patch = image[mask == VOID]
    assert 100 < patch.mean() < 155
    assert len(np.unique(patch)) > 200


@pytest.mark.parametrize("square", [True, False])
def test_cut_patches_are_black_small_and_void(square: bool) -> None:
    shapes = set()
    for seed in range(200):
        image, mask = of("RandomPatchCut")(IMAGE, MASK, rng(seed), max_size=20, square=square)
        patch = mask == VOID
        shapes.add(box(patch))
        assert (image[patch] == 0).all()
        assert np.array_equal(image[~patch], IMAGE[~patch])
    heights, widths = zip(*shapes, strict=True)
    assert (max(heights), max(widths)) == ((12, 12) if square else (12, 16))
    assert all(height == width for height, width in shapes) is square


def test_as_many_patches_as_told_in_both_or_in_the_image_alone() -> None:
    params = {"num_patch": 40, "max_size": 5}
    image, mask = of("RandomPatchCut")(IMAGE, MASK, rng(1), **params)
    kept_image, kept = of("RandomPatchCut")(IMAGE, MASK, rng(1), **params, labels="keep")
    assert np.array_equal(image, kept_image)
    assert kept is MASK
    assert (mask == VOID).sum() > 100
    none, _ = of("RandomPatchCut")(IMAGE, MASK, rng(1), num_patch=0)
    assert np.array_equal(none, IMAGE)
