"""Augmentors that move pixels: exact where no filter is at work, and image and mask together always."""

from __future__ import annotations

import math

import numpy as np
import pytest
from augmenting import noise, of, outside, ramp, rng
from hypothesis import given, settings
from hypothesis import strategies as st

from lmnet.augmentors import augment
from lmnet.augmentors.outside import mean_color, random_window, window
from lmnet.datasets import VOID

IMAGE, MASK = noise(12, 14)
SIDES = st.integers(1, 40)


def test_flip_top_bottom_mirrors_both() -> None:
    image, mask = of("FlipTopBottom")(IMAGE, MASK, rng(), probability=1.0)
    assert np.array_equal(image, IMAGE[::-1])
    assert np.array_equal(mask, MASK[::-1])
    assert of("FlipTopBottom")(IMAGE, MASK, rng(), probability=0.0)[1] is MASK


def test_crop_is_a_window_of_both_at_any_place() -> None:
    seen = set()
    for seed in range(300):
        image, mask = of("Crop")(IMAGE, MASK, rng(seed), size=(10, 13))
        places = [
            (row, column)
            for row in range(3)
            for column in range(2)
            if np.array_equal(image, IMAGE[row : row + 10, column : column + 13])
            and np.array_equal(mask, MASK[row : row + 10, column : column + 13])
        ]
        assert len(places) == 1
        seen.add(places[0])
    assert len(seen) == 6


def test_crop_takes_the_training_size_and_resizes_where_told() -> None:
    assert of("Crop")(IMAGE, MASK, rng(), (5, 6))[1].shape == (5, 6)
    assert of("Crop")(IMAGE, MASK, rng())[0] is IMAGE
    image, mask = of("Crop")(*ramp(20, 20, across=False), rng(3), size=(10, 10), resize=(20, 40))
    assert (image.shape, mask.shape) == ((20, 40, 3), (20, 40))
    assert mask[0, 0] + 9 == mask[-1, 0]
    assert (np.bincount(mask[:, 0])[mask[0, 0] :] == 2).all()
    assert np.abs(image[..., 0].astype(int) - mask).max() <= 1


def test_pad_adds_a_border_of_its_level_and_void() -> None:
    image, mask = of("Pad")(IMAGE, MASK, rng(), value=3, fill=7)
    assert image.shape == (18, 20, 3)
    assert np.array_equal(image[3:-3, 3:-3], IMAGE)
    assert np.array_equal(mask[3:-3, 3:-3], MASK)
    image[3:-3, 3:-3], mask[3:-3, 3:-3] = 7, VOID
    assert (image == 7).all()
    assert (mask == VOID).all()
    assert np.array_equal(of("Pad")(IMAGE, MASK, rng(), value=0)[0], IMAGE)


def test_pad_moves_the_picture_within_the_training_size() -> None:
    moved = [augment(IMAGE, MASK, rng(seed), {"Pad": {"value": 2}}, (12, 14))[1] for seed in range(200)]
    assert {mask.shape for mask in moved} == {(12, 14)}
    assert len({mask.tobytes() for mask in moved}) == 25
    assert sum((mask == VOID).any() for mask in moved) > 150


def test_quarter_turns_are_exact_and_counter_clockwise() -> None:
    image, mask = of("Rotate")(IMAGE, MASK, rng(), angle_range=(180.0, 180.0))
    assert np.array_equal(image, IMAGE[::-1, ::-1])
    assert np.array_equal(mask, MASK[::-1, ::-1])
    image, mask = of("Rotate")(IMAGE[:, :12], MASK[:, :12], rng(), angle_range=(90.0, 90.0))
    assert np.array_equal(image, np.rot90(IMAGE[:, :12]))
    assert np.array_equal(mask, np.rot90(MASK[:, :12]))


def test_an_angle_is_drawn_from_the_whole_range() -> None:
    _, mask = ramp(41, 41, across=True)
    draw = rng(2)
    slopes = []
    for _ in range(200):
        turned = of("Rotate")(IMAGE[:1, :1].repeat(41, 0).repeat(41, 1), mask, draw, angle_range=(-30.0, 60.0))[1]
        middle = turned[10:31, 10:31].astype(float)
        down, right = np.gradient(middle)
        slopes.append(math.degrees(math.atan2(-down.mean(), right.mean())))
    assert -31 < min(slopes) < -25
    assert 55 < max(slopes) < 61


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.booleans(), st.sampled_from([(0.0, 360.0), (-10.0, 10.0)]))
def test_a_turned_mask_stays_on_its_image(seed: int, across: bool, angles: tuple[float, float]) -> None:
    image, mask = ramp(60, 80, across=across)
    turned, classes = of("Rotate")(image, mask, rng(seed), angle_range=angles)
    inside = classes != VOID
    # Nearest takes the middle of a pixel at most half a pixel away along each side, and rounding half a level.
    assert np.abs(turned[..., 0].astype(int) - classes)[inside].max() <= 1
    assert outside(turned, classes, mean_color(image))


def test_scale_one_and_the_picture_s_size_change_nothing() -> None:
    image, mask = of("RandomScaleCrop")(IMAGE, MASK, rng(4), (12, 14), scale=(1.0, 1.0))
    assert np.array_equal(image, IMAGE)
    assert np.array_equal(mask, MASK)


def test_scale_two_shows_each_pixel_four_times() -> None:
    _, mask = of("RandomScaleCrop")(IMAGE, MASK, rng(4), (24, 28), scale=(2.0, 2.0))
    assert np.array_equal(mask, MASK.repeat(2, 0).repeat(2, 1))


def test_scale_half_averages_four_pixels() -> None:
    image, _ = of("RandomScaleCrop")(IMAGE, MASK, rng(4), (6, 7), scale=(0.5, 0.5))
    means = IMAGE.reshape(6, 2, 7, 2, 3).mean(axis=(1, 3))
    assert np.abs(image - means).max() <= 1


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, 2**32),
    st.booleans(),
    st.tuples(st.integers(8, 90), st.integers(8, 90)),
    st.tuples(st.floats(0.25, 4.0), st.floats(0.25, 4.0)).map(sorted),
)
def test_a_scaled_mask_stays_on_its_image(
    seed: int, across: bool, size: tuple[int, int], scale: tuple[float, float]
) -> None:
    image, mask = ramp(60, 80, across=across)
    cut, classes = of("RandomScaleCrop")(image, mask, rng(seed), size, scale=tuple(scale))
    assert (cut.shape, classes.shape, cut.dtype, classes.dtype) == ((*size, 3), size, np.uint8, np.uint8)
    inside = classes != VOID
    assert inside.any()
    assert np.abs(cut[..., 0].astype(int) - classes)[inside].max() <= 1
    assert outside(cut, classes, mean_color(image))
    # The values along the ramp grow by 1 / scale a pixel.
    line = classes[inside.any(1)][:, inside.any(0)]
    line = (line[0] if across else line[:, 0]).astype(float)
    length = 80 if across else 60
    if len(line) > 20 and line[0] > 5 and line[-1] < length - 5:
        assert 1 / scale[1] - 0.1 <= np.polyfit(range(len(line)), line, 1)[0] <= 1 / scale[0] + 0.1


def test_no_pixel_is_void_where_the_window_fits() -> None:
    for seed in range(100):
        assert VOID not in of("RandomScaleCrop")(IMAGE, MASK, rng(seed), (6, 7), scale=(0.5, 3.0))[1]


def test_halving_and_doubling_are_equally_likely() -> None:
    image, mask = ramp(200, 4, across=False)
    draw = rng(1)
    steps = []
    for _ in range(1000):
        classes = of("RandomScaleCrop")(image, mask, draw, (40, 1), scale=(0.5, 2.0))[1][:, 0]
        steps.append((float(classes[-1]) - float(classes[0])) / 39)
    scales = 1 / np.array(steps)
    assert abs(np.median(scales) - 1) < 0.08
    assert abs((scales < 1 / math.sqrt(2)).mean() - 0.25) < 0.05
    assert abs((scales > math.sqrt(2)).mean() - 0.25) < 0.05


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32), SIDES, SIDES, SIDES, SIDES)
def test_a_random_window_holds_what_it_can(seed: int, height: int, width: int, rows: int, columns: int) -> None:
    image, mask = noise(height, width, seed)
    cut, classes = random_window(image, mask, rng(seed), (rows, columns))
    assert (cut.shape, classes.shape) == ((rows, columns, 3), (rows, columns))
    inside = classes != VOID
    assert inside.sum() == min(height, rows) * min(width, columns)
    assert outside(cut, classes, mean_color(image))


def test_a_smaller_picture_lies_anywhere_in_its_window() -> None:
    corners = set()
    for seed in range(200):
        _, classes = random_window(IMAGE, MASK, rng(seed), (14, 15))
        rows, columns = np.nonzero(classes != VOID)
        corners.add((int(rows.min()), int(columns.min())))
    assert corners == {(row, column) for row in range(3) for column in range(2)}


def test_a_window_beyond_the_corner_is_void_there() -> None:
    cut, classes = window(IMAGE, MASK, (-2, 10), (5, 6))
    assert np.array_equal(cut[2:, :4], IMAGE[:3, 10:])
    assert np.array_equal(classes[2:, :4], MASK[:3, 10:])
    assert (classes[:2] == VOID).all()
    assert (classes[:, 4:] == VOID).all()


def test_the_mean_colour_is_about_the_mean() -> None:
    image, _ = noise(360, 480)
    assert np.abs(np.array(mean_color(image)) - image.mean(axis=(0, 1))).max() < 5
    assert mean_color(np.full((3, 3, 3), (1, 2, 255), np.uint8)) == (1, 2, 255)


@pytest.mark.parametrize("name", ["Crop", "RandomScaleCrop"])
def test_what_cuts_is_flagged_and_knows_the_training_size(name: str) -> None:
    assert of(name).sized
    assert of(name)(IMAGE, MASK, rng(), (9, 5))[1].shape == (9, 5)
