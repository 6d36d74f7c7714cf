"""Pre-processing: the look-up tables against the formula, reading of pictures, what the device's Python can parse."""

from __future__ import annotations

import ast
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

import lmnet.processors
from lmnet.processors import images, pre

IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


@settings(deadline=None, max_examples=60)
@given(IMAGES)
def test_standardization_is_the_formula_value_by_value(image: np.ndarray) -> None:
    values = [int(v) for v in image.reshape(-1)]
    count = len(values)
    mean = sum(values) / count
    variance = max(sum(v * v for v in values) / count - mean * mean, 0.0)
    inverse = 1.0 / max(math.sqrt(variance), 1.0 / math.sqrt(count))
    expected = np.array([np.float32((v - mean) * inverse) for v in values]).reshape(image.shape)
    result = pre.PRE_PROCESSORS["PerImageStandardization"](image)
    assert result.dtype == np.float32
    assert np.array_equal(result, expected)


def test_standardized_image_has_mean_zero_and_deviation_one() -> None:
    image = np.random.default_rng(3).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    result = pre.per_image_standardization(image).astype(np.float64)
    assert abs(result.mean()) < 1e-6
    assert abs(result.std() - 1) < 1e-6


def test_flat_image_is_zero_and_not_nan() -> None:
    assert np.array_equal(
        pre.per_image_standardization(np.full((4, 4, 3), 77, np.uint8)), np.zeros((4, 4, 3), np.float32)
    )


def test_divide_by_255() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
    result = pre.PRE_PROCESSORS["DivideBy255"](image)
    assert result.dtype == np.float32
    assert result.reshape(-1).tolist() == [float(np.float32(v / 255)) for v in range(256)]


def test_tables_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="unknown pre-processor Nope"):
        pre.pixel_table("Nope", np.zeros((1, 1, 3), np.uint8))
    with pytest.raises(ValueError, match="float32"):
        pre.divide_by_255(np.zeros((1, 1, 3), np.float32))
    with pytest.raises(ValueError, match="pixels"):
        pre.per_image_standardization(np.zeros((0, 4, 3), np.uint8))


def test_resize_takes_the_nearest_pixel() -> None:
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    assert np.array_equal(pre.resize(image, (2, 3)), image[1::2, 1::2])
    assert np.array_equal(pre.resize(image, (8, 12)), image.repeat(2, 0).repeat(2, 1))
    assert np.array_equal(pre.resize(Image.fromarray(image), (2, 3)), image[1::2, 1::2])
    assert np.array_equal(pre.resize_classes(image[..., 0], (2, 3)), image[1::2, 1::2, 0])


def test_resize_makes_any_picture_rgb_and_refuses_other_arrays() -> None:
    assert pre.resize(Image.new("L", (3, 2), 9), (2, 3)).tolist() == [[[9, 9, 9]] * 3] * 2
    assert pre.resize(Image.new("RGBA", (3, 2), (1, 2, 3, 0)), (2, 3))[0, 0].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="uint8 image"):
        pre.resize(np.zeros((2, 2), np.uint8), (2, 2))
    with pytest.raises(ValueError, match="class map"):
        pre.resize_classes(np.zeros((2, 2, 3), np.uint8), (2, 2))


def png_that_claims(width: int, height: int) -> bytes:
    """Return a small PNG whose header states a size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def test_reading_tells_one_sentence_about_each_fault(tmp_path: Path) -> None:
    good = tmp_path / "good.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(good)
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:700])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "bomb.png").write_bytes(png_that_claims(60000, 60000))
    (tmp_path / "large.png").write_bytes(png_that_claims(8193, 8192))
    (tmp_path / "page.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    Image.fromarray(np.full((4, 4), 40000, np.uint16)).save(tmp_path / "deep.png")
    assert images.read_image(good).shape == (20, 30, 3)
    for name, words in {
        "absent.png": "there is no such file",
        "cut.png": "cannot be decoded",
        "text.png": "not a picture of a known format",
        "empty.png": "not a picture of a known format",
        "bomb.png": "cannot be decoded",
        "large.png": "more than 67108864",
        "page.png": "not a picture of a known format",
        "deep.png": "more than 8 bits",
    }.items():
        with pytest.raises(images.ImageError, match=words) as caught:
            images.read_image(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(images.ImageError, match="no such file"):
        images.read_image(tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_no_damaged_file_raises_anything_but_image_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    buffer = io.BytesIO()
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "BMP", "TIFF", "WEBP"]))
    Image.fromarray(np.arange(16 * 16 * 3, dtype=np.uint32).astype(np.uint8).reshape(16, 16, 3)).save(buffer, kind)
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.bin"
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        assert images.read_image(path).dtype == np.uint8
    except images.ImageError as error:
        assert "\n" not in str(error)


def test_the_shipped_files_parse_as_python_3_9_and_import_only_numpy_and_pillow() -> None:
    folder = Path(lmnet.processors.__file__).parent
    imported = set()
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                names = {alias.name for alias in node.names}
                assert not (node.module == "datetime" and "UTC" in names), "datetime.UTC came with Python 3.11"
                imported.add(".".join((node.module or "").split(".")[:2]))
            if isinstance(node, ast.Call):
                assert not any(k.arg in ("strict", "slots") for k in node.keywords), f"{path.name}:{node.lineno}"
    standard = {"__future__", "base64", "collections.abc", "colorsys", "datetime", "io", "math", "pathlib", "typing"}
    assert imported - standard == {"numpy", "numpy.typing", "PIL", "lmnet.processors"}
