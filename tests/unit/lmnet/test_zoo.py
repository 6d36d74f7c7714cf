"""A packed network computes the same afterwards, bit for bit, and a file that is none of ours is told so."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lively import lively, noise, thin

from lmnet import networks, zoo
from lmnet.errors import LmnetError
from lmnet.quantizers import WEIGHT_QUANTIZERS
from lmnet.settings import Settings
from lmnet.zoo.archive import KEPT, Facts, parse, read
from lmnet.zoo.kernels import magnitudes, pack_kernel, unpack_kernel
from lmnet.zoo.packing import pack, unpack

CLASSES = ("road", "sky", "tree")
SIZE = (40, 48)
FACTS = Facts(
    step=70,
    dataset="CamVid",
    split="validation",
    images=101,
    mean_iou=0.6251,
    pixel_accuracy=0.9,
    iou={"road": 0.9, "sky": 0.35, "tree": None},
    note="für Straßen",
)
OPTIONS = [
    {"network": "LmUnetV1Quantize"},
    {"network": "LmUnetV1Quantize", "weight_quantizer": "binary_channel_wise_mean_scaling"},
    {"network": "LmUnetV1", "image_size": (40, 56)},
    {
        "network": "LmSegnetV1Quantize",
        "quantize_first_layer": True,
        "quantize_last_layer": True,
        "activation_bits": 3,
        "activation_max_value": 1.5,
    },
]


def options(**values):
    return Settings(**({"train_path": "/home/me/CamVid", "image_size": SIZE, "batch_size": 4} | values))


def floats(least, most):
    return st.floats(float(least), most, width=32)


@given(st.lists(floats(np.float32(1e-3), 8.0), min_size=1, max_size=4), st.integers(1, 3000), st.integers(0, 99))
def test_the_mean_of_magnitudes_is_exact_in_any_order(sums, count, seed):
    means = np.array(sums, np.float32) * np.float32(count) / np.float32(count)
    found = magnitudes(means, count)
    assert found.shape == (count, len(means)) and found.dtype == np.float32
    assert (found > 0).all()
    order = np.random.default_rng(seed).permutation(count)
    one_by_one = np.cumsum(found[order], axis=0, dtype=np.float32)[-1]
    for total in (one_by_one, found.sum(axis=0, dtype=np.float32)):
        assert np.array_equal(total / np.float32(count), means)


def test_no_mean_is_zero_and_a_zero_mean_is():
    assert magnitudes(np.float32([0]), 7).tolist() == [[0]] * 7
    assert (magnitudes(np.float32([1e-3]), 3 * 3 * 1024 * 900) > 0).all()


@pytest.mark.parametrize("name", WEIGHT_QUANTIZERS)
@pytest.mark.parametrize("shape", [(1, 1, 12, 16), (3, 3, 48, 64), (3, 3, 192, 256), (5, 3, 7, 1)])
def test_a_quantizer_makes_the_same_of_a_rebuilt_kernel(name, shape):
    quantizer = WEIGHT_QUANTIZERS[name]()
    kernel = np.random.default_rng(0).normal(scale=0.05, size=shape).astype(np.float32)
    before = np.asarray(quantizer(kernel))
    signs, scales = pack_kernel(kernel, quantizer)
    assert signs.nbytes == -(-kernel.size // 8)
    assert scales.size == (shape[-1] if quantizer.per_channel else 1)
    rebuilt = unpack_kernel(signs, scales, shape, quantizer)
    assert np.array_equal(quantizer(rebuilt), before)
    assert np.array_equal(tf.function(quantizer)(rebuilt), before)
    assert np.array_equal(quantizer.reference(rebuilt), before)


@given(
    arrays(np.float32, (3, 3, 5, 4), elements=st.sampled_from([-1.5, -0.1, -0.0, 0.0, 1e-4, 0.3, 7.0])),
    st.sampled_from(list(WEIGHT_QUANTIZERS.values())),
)
@settings(deadline=None)
def test_signs_and_scales_of_any_kernel_come_back(kernel, make):
    quantizer = make()
    signs, scales = pack_kernel(kernel, quantizer)
    assert np.array_equal(np.unpackbits(signs, count=kernel.size).reshape(kernel.shape), kernel >= 0)
    rebuilt = unpack_kernel(signs, scales, kernel.shape, quantizer)
    assert np.array_equal(quantizer(rebuilt), quantizer(kernel))


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A network and the bytes of its file, for each of the options."""
    made = []
    with pytest.MonkeyPatch.context() as patch:
        thin(patch)
        for values in OPTIONS:
            config = options(**values)
            model = lively(config, len(CLASSES), noise(config.image_size))
            made.append((config, model, pack(model, config, CLASSES, FACTS)))
    return made


@pytest.fixture
def file(packed, tmp_path):
    path = tmp_path / "thin.npz"
    path.write_bytes(packed[0][2])
    return path


@pytest.mark.parametrize("number", range(len(OPTIONS)))
def test_an_unpacked_network_computes_the_same_logits(packed, number, tmp_path, monkeypatch):
    thin(monkeypatch)
    config, model, data = packed[number]
    (tmp_path / "a.npz").write_bytes(data)
    rebuilt, settings, classes, facts = unpack(tmp_path / "a.npz")
    image = np.random.default_rng(5).normal(size=(1, *config.image_size, 3)).astype(np.float32)
    ours, theirs = model.predict_on_batch(image), rebuilt.predict_on_batch(image)
    assert len(np.unique(ours)) > 2
    assert np.array_equal(ours, theirs)
    assert {name: getattr(settings, name) for name in KEPT} == {name: getattr(config, name) for name in KEPT}
    assert (settings.batch_size, settings.train_path.name) == (8, "DATASET"), "nothing of the training is kept"
    assert (classes, facts) == (CLASSES, FACTS)
    assert b"/home/me" not in data


def test_a_binary_weight_takes_one_bit_of_a_file():
    model = networks.build(options(network="LmUnetV1Quantize"), len(CLASSES))
    data = pack(model, options(network="LmUnetV1Quantize"), CLASSES, FACTS)
    binary = sum(layer.kernel.shape.num_elements() for layer in model.layers if hasattr(layer, "kernel_quantizer"))
    assert binary / 8 < len(data) < binary / 8 + 64 * 1024


def test_the_same_network_is_packed_into_the_same_bytes(packed, monkeypatch):
    thin(monkeypatch)
    config, model, data = packed[0]
    assert pack(model, config, CLASSES, FACTS) == data


def test_a_weight_that_is_not_finite_is_not_packed(monkeypatch):
    thin(monkeypatch)
    model = networks.build(options(), len(CLASSES))
    model.get_layer("conv3_bn").beta.assign(np.full(model.get_layer("conv3_bn").beta.shape, np.nan, np.float32))
    with pytest.raises(LmnetError, match="conv3_bn/beta is no array of uint8 or of finite float32"):
        pack(model, options(), CLASSES, FACTS)


@pytest.mark.parametrize("part", [0, 1, 20, 0.5, 0.99, -1])
def test_a_truncated_file_is_refused(file, part):
    data = file.read_bytes()
    file.write_bytes(data[: part if isinstance(part, int) else int(len(data) * part)])
    with pytest.raises(LmnetError, match=r"thin.npz cannot be read") as error:
        unpack(file)
    assert error.value.where == str(file) and error.value.fix


def test_a_changed_byte_is_refused_or_changes_nothing(packed, monkeypatch):
    thin(monkeypatch)
    data = packed[0][2]
    good = parse(data, zoo.FOLDER)
    refused = 0
    for position in np.random.default_rng(0).integers(0, len(data), 100):
        changed = bytearray(data)
        changed[position] ^= 0xFF
        try:
            found = parse(bytes(changed), zoo.FOLDER)
        except LmnetError:
            refused += 1
            continue
        assert (found.settings, found.classes, found.facts) == (good.settings, good.classes, good.facts)
        for name in found.arrays.keys() & good.arrays.keys():
            assert np.array_equal(found.arrays[name], good.arrays[name])
    assert refused > 60


def changed(data, *, drop=(), add=None, **header):
    """Return the file with other arrays or other values in its header."""
    with np.load(io.BytesIO(data)) as file:
        values = json.loads(file["header"].tobytes())
        found = {name: file[name] for name in file.files if name not in drop}
    for name, value in header.items():
        values[name] = value(values[name]) if callable(value) else value
    if "header" not in drop:
        found["header"] = np.frombuffer(json.dumps(values).encode(), np.uint8)
    stream = io.BytesIO()
    np.savez(stream, **found | (add or {}))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "other"}, "another one"),
        ({"settings": lambda s: s | {"train_path": "/etc"}}, "train_path is no setting of a network"),
        ({"settings": lambda s: s | {"network": "LmResnet"}}, "LmUnetV1Quantize"),
        ({"settings": lambda s: s | {"image_size": [41, 48]}}, "multiples of 8"),
        ({"settings": lambda s: s | {"network": "LmSegnetV1Quantize"}}, "conv"),
        ({"settings": lambda s: s | {"quantize_first_layer": True}}, "PerImageStandardization"),
        ({"classes": ["road"]}, "kernel does not fit"),
        ({"classes": []}, "no list of class names"),
        ({"facts": lambda f: f | {"images": -1}}, "images: Input should be greater than 0"),
        ({"settings": lambda s: s | {"activation_bits": "x"}}, "activation_bits: Input should be a valid integer"),
        ({"drop": ["conv4/kernel/scales"]}, "it lacks conv4/kernel/scales"),
        ({"drop": ["header"]}, "it has no header"),
        ({"classes": 5}, "no list of class names"),
        ({"add": {"conv99/kernel": np.float32([1])}}, "LmUnetV1Quantize has no conv99/kernel"),
        ({"add": {"conv4/kernel/scales": np.float32([-1])}}, "conv4/kernel does not fit"),
        ({"add": {"conv4/kernel/signs": np.uint8([1])}}, "conv4/kernel does not fit"),
        ({"add": {"conv4_bn/beta": np.float32([np.inf])}}, "conv4_bn/beta is no array"),
        ({"add": {"conv4_bn/beta": np.float32([1])}}, "conv4_bn/beta does not fit"),
        ({"add": {"conv4_bn/beta": np.array([{}])}}, "allow_pickle"),
    ],
)
def test_another_content_is_refused_by_its_name(file, change, told, monkeypatch):
    thin(monkeypatch)
    data = file.read_bytes()
    file.write_bytes(changed(data, **change))
    with pytest.raises(LmnetError, match=told) as error:
        unpack(file)
    assert error.value.exit_code == 1


def test_another_version_says_so(file):
    file.write_bytes(changed(file.read_bytes(), version=2))
    with pytest.raises(LmnetError, match="another version") as error:
        read(file)
    assert (error.value.expected, error.value.received) == ("format 1", "format 2")


def test_foreign_files_are_refused(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", weights=np.zeros(3, np.float32))
    (tmp_path / "text.npz").write_text("weights")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.npy", b"\0" * (65 << 20))
    for path in (*tmp_path.iterdir(), tmp_path, tmp_path / "absent.npz"):
        with pytest.raises(LmnetError, match="cannot be read"):
            read(path)


def test_names_are_those_of_the_files(tmp_path, monkeypatch, file):
    monkeypatch.setattr(zoo, "FOLDER", tmp_path / "none")
    assert zoo.names() == ()
    with pytest.raises(LmnetError, match="no trained network street") as error:
        zoo.find("street")
    assert "no network comes along" in error.value.expected
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    assert zoo.names() == ("thin",)
    assert zoo.find("thin") == zoo.find(str(file)) == file
    for name in ("street", "../thin", "", "absent.npz"):
        with pytest.raises(LmnetError, match="no trained network") as error:
            zoo.find(name)
        assert error.value.expected.startswith("thin; or a file")


def test_every_network_that_comes_along_can_be_used():
    for name in zoo.names():
        assert zoo.find(name).stat().st_size <= 2 << 20, name
        model, settings, classes, facts = unpack(zoo.find(name))
        assert model.output_shape[1:] == (*settings.image_size, len(classes))
        assert facts.mean_iou is not None and tuple(facts.iou) == classes


@pytest.mark.parametrize("name", zoo.names())
def test_a_network_that_comes_along_is_small_whole_and_says_what_it_reached(name):
    file = zoo.find(name)
    assert file.stat().st_size <= 2 << 20
    model, options, classes, facts = unpack(file)
    assert model.output_shape == (None, *options.image_size, len(classes))
    assert (options.image_size, len(classes), facts.images) == ((360, 480), 11, 101), "scored at CamVid's own size"
    assert facts.mean_iou == np.mean(list(facts.iou.values()))
    page = (Path(__file__).parents[3] / "docs" / "results.md").read_text(encoding="utf-8")
    assert f"| {options.network} | 1 / 2 | 360x480 | {facts.mean_iou:.1%} |".replace("% |", " % |") in page
