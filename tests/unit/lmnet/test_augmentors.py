"""Augmentors against their definitions."""

from __future__ import annotations

import colorsys
import re
from pathlib import Path

import numpy as np
import pytest
from augmenting import noise, rng
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from lmnet.augmentors import AUGMENTORS, USUAL, augment, check_augmentors
from lmnet.datasets import VOID
from lmnet.errors import LmnetError

IMAGE, MASK = noise(12, 14)


def test_all_by_the_alphabet_with_their_labels() -> None:
    assert [augmentor.label for augmentor in AUGMENTORS.values()] == [
        "Blur(value=(0, 1))",
        "Brightness(value=(0.75, 1.25))",
        "Color(value=(0.75, 1.25))",
        "Contrast(value=(0.75, 1.25))",
        "Crop(size=None, resize=None)",
        "FlipLeftRight(probability=0.5)",
        "FlipTopBottom(probability=0.5)",
        "Hue(value=(-10, 10))",
        "Pad(value=10, fill=0)",
        "RandomErasing(probability=0.5, sl=0.02, sh=0.4, r1=0.3, "
        'content_type="mean", mean=(125, 122, 114), labels="void")',
        'RandomPatchCut(num_patch=1, max_size=10, square=True, labels="void")',
        "RandomScaleCrop(scale=(0.5, 2))",
        "Rotate(angle_range=(0, 90))",
    ]
    assert list(AUGMENTORS) == [augmentor.name for augmentor in AUGMENTORS.values()]
    assert [name for name in AUGMENTORS if name in USUAL] == list(USUAL)
    assert AUGMENTORS["Hue"].defaults == {"value": (-10.0, 10.0)}


@pytest.mark.parametrize(
    ("name", "enhance"),
    [("Brightness", ImageEnhance.Brightness), ("Color", ImageEnhance.Color), ("Contrast", ImageEnhance.Contrast)],
)
def test_enhancers_are_pillows_with_a_factor_drawn_evenly(name: str, enhance: type) -> None:
    image, mask = AUGMENTORS[name](IMAGE, MASK, rng(3), value=(0.5, 1.5))
    factor = rng(3).uniform(0.5, 1.5)
    assert np.array_equal(image, np.asarray(enhance(Image.fromarray(IMAGE)).enhance(factor)))
    assert mask is MASK
    same, _ = AUGMENTORS[name](IMAGE, MASK, rng(), value=(1.0, 1.0))
    assert np.array_equal(same, IMAGE)


def test_brightness_two_doubles() -> None:
    image, _ = AUGMENTORS["Brightness"](np.full((2, 2, 3), 50, np.uint8), MASK[:2, :2], rng(), value=(2.0, 2.0))
    assert (image == 100).all()


def test_flip_mirrors_both_as_often_as_it_says() -> None:
    flip = AUGMENTORS["FlipLeftRight"]
    image, mask = flip(IMAGE, MASK, rng(), probability=1.0)
    assert np.array_equal(image, IMAGE[:, ::-1])
    assert np.array_equal(mask, MASK[:, ::-1])
    assert flip(IMAGE, MASK, rng(), probability=0.0)[0] is IMAGE
    generator = rng(1)
    flipped = sum(flip(IMAGE, MASK, generator, probability=0.2)[0] is not IMAGE for _ in range(2000))
    assert 340 < flipped < 460


@pytest.mark.parametrize("shift", [-10, 10, 100, 128, -128])
def test_hue_is_added_in_eight_bits_and_wraps(shift: int) -> None:
    image, mask = AUGMENTORS["Hue"](IMAGE, MASK, rng(), value=(shift, shift))
    hsv = np.array(Image.fromarray(IMAGE).convert("HSV"))
    hsv[..., 0] = (hsv[..., 0].astype(int) + shift) % 256
    assert np.array_equal(image, np.asarray(Image.fromarray(hsv, "HSV").convert("RGB")))
    assert mask is MASK


def test_hue_turns_red_to_cyan_by_half_a_circle() -> None:
    red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    image, _ = AUGMENTORS["Hue"](red, MASK[:2, :2], rng(), value=(128, 128))
    expected = np.array(colorsys.hsv_to_rgb(0.5, 1, 1)) * 255
    assert np.abs(image[0, 0] - expected).max() <= 4


def test_hue_draws_every_whole_number_of_its_range() -> None:
    red = np.full((1, 1, 3), (200, 60, 60), np.uint8)
    generator = rng(2)
    drawn = {AUGMENTORS["Hue"](red, MASK[:1, :1], generator, value=(-3.0, 3.0))[0].tobytes() for _ in range(300)}
    ends = {AUGMENTORS["Hue"](red, MASK[:1, :1], rng(), value=(v, v))[0].tobytes() for v in range(-3, 4)}
    assert drawn == ends


def test_blur_is_pillows_with_a_radius_drawn_evenly() -> None:
    image, mask = AUGMENTORS["Blur"](IMAGE, MASK, rng(3), value=(0.5, 4.0))
    radius = rng(3).uniform(0.5, 4.0)
    assert np.array_equal(image, np.asarray(Image.fromarray(IMAGE).filter(ImageFilter.GaussianBlur(radius))))
    assert mask is MASK
    assert np.array_equal(AUGMENTORS["Blur"](IMAGE, MASK, rng(), value=(0.0, 0.0))[0], IMAGE)


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, 2**32),
    st.lists(st.sampled_from(sorted(AUGMENTORS)), unique=True),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_a_chain_is_a_function_of_the_seed_and_ends_in_the_size(
    seed: int, names: list[str], size: tuple[int, int]
) -> None:
    chosen = {name: {} for name in names}
    image, mask = augment(IMAGE, MASK, rng(seed), chosen, size)
    again, mask_again = augment(IMAGE, MASK, rng(seed), chosen, size)
    assert np.array_equal(image, again)
    assert np.array_equal(mask, mask_again)
    assert (image.shape, image.dtype, mask.shape, mask.dtype) == ((*size, 3), np.uint8, size, np.uint8)
    assert set(np.unique(mask)) <= {0, 1, 2, 3, VOID}


@pytest.mark.parametrize("name", AUGMENTORS)
def test_a_picture_of_one_pixel_is_a_picture(name: str) -> None:
    image, mask = IMAGE[:1, :1], MASK[:1, :1]
    for seed in range(20):
        changed, classes = AUGMENTORS[name](image, mask, rng(seed))
        assert changed.shape == (*classes.shape, 3)


def test_the_order_is_that_of_the_config() -> None:
    chosen = {"Brightness": {"value": (2.0, 2.0)}, "Contrast": {"value": (0.5, 0.5)}}
    first = augment(IMAGE, MASK, rng(), chosen, MASK.shape)[0]
    second = augment(IMAGE, MASK, rng(), dict(reversed(chosen.items())), MASK.shape)[0]
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"Blurr": {}}, "there is no augmentor Blurr"),
        ({"Hue": {"values": (0, 1)}}, "augmentor Hue has no parameter values"),
        ({"Hue": {"value": (-3.5, 4.0)}}, "two whole numbers from -128 to 128"),
        ({"Hue": {"value": (0, 200)}}, "from -128 to 128"),
        ({"Brightness": {"value": (1.5, 0.5)}}, "the smaller first, such as (0.75, 1.25)"),
        ({"Brightness": {"value": (-1.0, 0.5)}}, "from 0 to 10"),
        ({"Contrast": {"value": 1.0}}, "two numbers"),
        ({"Color": {"value": (1.0, float("nan"))}}, "two numbers"),
        ({"FlipLeftRight": {"probability": 1.5}}, "a number from 0 to 1, such as 0.5"),
        ({"FlipLeftRight": {"probability": (0.0, 1.0)}}, "a number from 0 to 1"),
        ({"FlipLeftRight": {"probability": True}}, "a number from 0 to 1"),
        ({"FlipLeftRight": {"probability": "often"}}, "a number from 0 to 1"),
        ({"Pad": {"value": 1.5}}, "a whole number from 0 to 1024, such as 10"),
        ({"Crop": {"size": 96}}, "height and width, whole numbers from 1 to 4096 such as (192, 256), or none"),
        ({"Crop": {"resize": (0, 96)}}, "height and width"),
        ({"Crop": {"resize": (96.5, 96)}}, "height and width"),
        ({"RandomPatchCut": {"square": 1}}, "yes or no (True or False), such as True"),
        ({"RandomErasing": {"content_type": "grey"}}, 'one of "mean", "random", such as "mean"'),
        ({"RandomErasing": {"mean": (0, 0)}}, "red, green and blue, whole numbers from 0 to 255"),
        ({"RandomErasing": {"r1": 0}}, "from 0.01 to 1"),
        ({"RandomScaleCrop": {"scale": (0.0, 1.0)}}, "two numbers from 0.1 to 10"),
    ],
)
def test_what_is_not_allowed_is_explained(chosen: dict, words: str) -> None:
    with pytest.raises(LmnetError) as caught:
        check_augmentors(chosen)
    assert words in str(caught.value)
    assert "fix:" in str(caught.value)


def test_defaults_pass_their_own_check() -> None:
    check_augmentors({name: dict(augmentor.defaults) for name, augmentor in AUGMENTORS.items()})


def test_the_page_lists_every_augmentor_with_its_defaults() -> None:
    page = (Path(__file__).parents[3] / "docs" / "augmentation.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(.+?)` \|", page, re.MULTILINE)
    assert named == [augmentor.label for augmentor in AUGMENTORS.values()]
