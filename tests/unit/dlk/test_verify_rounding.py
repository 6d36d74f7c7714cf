"""Proof 2: rounding is excused, anything else is named; and the reading of reference.npz."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from exports import LAYERS, write_export

from dlk.errors import DlkError, VerificationError
from dlk.verify.golden import Golden, read_golden
from dlk.verify.reference import Reference
from dlk.verify.rounding import check_rounding
from dlk.verify.verification import Verification, Verifier


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export(tmp_path_factory.mktemp("rounding") / "export", images=3)


def rounding(export: Path, golden: Golden):  # type: ignore[no-untyped-def]
    reference = Reference(export / "model.onnx")
    return check_rounding(reference, golden, lambda index: reference.trace(golden.input[index]))


def test_float32_arithmetic_of_the_same_graph_is_excused(export: Path) -> None:
    result = rounding(export, read_golden(export / "reference.npz"))
    assert result.passed
    assert [layer.layer for layer in result.layers] == list(LAYERS)
    assert [layer.values for layer in result.layers] == [3 * 4 * 4 * 8, 3 * 4 * 4 * 8, 3 * 2 * 2 * 64, 3 * 4 * 4 * 16]
    assert not any(layer.unexplained for layer in result.layers)
    assert result.agreement == 1.0


def test_a_layer_is_computed_again_only_where_the_graph_went_another_way(
    export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On equal inputs the reference gives equal codes, so equal codes leave nothing to judge."""
    golden = read_golden(export / "reference.npz")
    reference = Reference(export / "model.onnx")
    traces = [reference.trace(values) for values in golden.input]
    for layer in golden.codes:
        golden.codes[layer][:] = [trace[layer] for trace in traces]
    asked: list[str] = []
    judge = reference.layer_codes
    monkeypatch.setattr(reference, "layer_codes", lambda name, given: asked.append(name) or judge(name, given))
    assert check_rounding(reference, golden, traces.__getitem__).passed
    assert asked == []
    golden.codes["conv2"][1, 0, 0, 0] ^= 1
    check_rounding(reference, golden, traces.__getitem__)
    assert asked == ["conv2", "conv3"]  # the layer itself, and the one that reads its codes


@pytest.mark.parametrize("layer", LAYERS)
def test_a_code_that_rounding_cannot_explain_is_named(export: Path, layer: str) -> None:
    golden = read_golden(export / "reference.npz")
    golden.codes[layer][1, 1, 0, 3] = (golden.codes[layer][1, 1, 0, 3] + 2) % 4
    result = rounding(export, golden)
    assert not result.passed
    assert result.first is not None
    assert (result.first.layer, result.first.image, result.first.position) == (layer, 1, (1, 0, 3))
    assert result.first_free is not None


def test_an_output_of_another_shape_is_an_error_and_not_broadcast(export: Path) -> None:
    golden = read_golden(export / "reference.npz")
    with pytest.raises(DlkError, match="of another network"):
        rounding(export, dataclasses.replace(golden, output=golden.output[:, :1]))


def test_other_classes_fail_although_every_code_is_explained(export: Path) -> None:
    golden = read_golden(export / "reference.npz")
    golden.output[...] = np.roll(golden.output, 1, axis=-1)
    result = rounding(export, golden)
    assert result.first is None
    assert result.agreement < 0.98
    assert not result.passed
    with pytest.raises(VerificationError, match="other classes") as caught:
        Verification((), (), result, 1.0).require_passed(where=export)
    assert caught.value.exit_code == 3


def test_no_executor_at_all_is_no_proof(export: Path) -> None:
    result = rounding(export, read_golden(export / "reference.npz"))
    with pytest.raises(VerificationError, match="no library could be run"):
        Verification((), (), result, 1.0).require_passed(where=export)


def test_codes_of_a_missing_layer_are_an_error(export: Path) -> None:
    golden = read_golden(export / "reference.npz")
    del golden.codes["conv3"]
    with pytest.raises(DlkError, match="lack a layer"):
        rounding(export, golden)


def damage(export: Path, folder: Path, **changes: np.ndarray | None) -> Path:
    with np.load(export / "reference.npz") as file:
        arrays = {name: file[name] for name in file.files}
    for name, array in changes.items():
        if array is None:
            del arrays[name]
        else:
            arrays[name] = array
    np.savez(folder / "reference.npz", **arrays)
    return folder / "reference.npz"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"output": None}, "output"),
        ({"images": np.zeros((3, 8, 8, 3), np.float32)}, "images"),
        ({"input": np.full((3, 8, 8, 3), np.nan, np.float32)}, "finite"),
        ({"images": np.zeros((2, 8, 8, 3), np.uint8)}, "different numbers"),
        ({"output": np.array([{}], dtype=object)}, "pickle"),
    ],
)
def test_unusable_reference_tensors_are_one_error(
    export: Path, tmp_path: Path, changes: dict[str, np.ndarray | None], told: str
) -> None:
    with pytest.raises(DlkError) as caught:
        read_golden(damage(export, tmp_path, **changes))
    assert told in str(caught.value)


def test_a_truncated_file_and_a_missing_one_are_errors(export: Path, tmp_path: Path) -> None:
    (tmp_path / "reference.npz").write_bytes((export / "reference.npz").read_bytes()[:500])
    for path in (tmp_path / "reference.npz", tmp_path / "none.npz"):
        with pytest.raises(DlkError, match="cannot be used"):
            read_golden(path)


def test_random_damage_is_one_error_or_none(export: Path, tmp_path: Path) -> None:
    """Zip, deflate and numpy's header each have errors of their own."""
    good = (export / "reference.npz").read_bytes()
    headers = [place.start() + 30 for place in re.finditer(b"PK\x03\x04", good)]
    stored = tmp_path / "stored.npz"
    with np.load(export / "reference.npz") as file:
        np.savez(stored, **{name: file[name] for name in file.files})
    for data, seeds in ((good, 150), (stored.read_bytes(), 150)):
        for seed in range(seeds):
            dice = np.random.default_rng(seed)
            damaged = bytearray(data)
            near = headers[seed % len(headers)] if seed % 3 else len(data) - 200
            for _ in range(3):
                damaged[int(dice.integers(near, min(near + 200, len(data))))] = int(dice.integers(256))
            (tmp_path / "reference.npz").write_bytes(damaged)
            with contextlib.suppress(DlkError):
                read_golden(tmp_path / "reference.npz")


def test_a_header_that_claims_too_much_is_an_error(tmp_path: Path) -> None:
    header = b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776, 99, 99, 3), }"
    with zipfile.ZipFile(tmp_path / "reference.npz", "w") as archive:
        archive.writestr("images.npy", header.ljust(127) + b"\n")
    with pytest.raises(DlkError, match="cannot be used"):
        read_golden(tmp_path / "reference.npz")


def test_the_verifier_gives_the_references_outputs(export: Path, tmp_path: Path) -> None:
    shutil.copytree(export, tmp_path / "export")
    verifier = Verifier(tmp_path / "export/model.onnx", tmp_path / "export/reference.npz")
    outputs = verifier.outputs(2)
    assert outputs.dtype == np.float32
    assert np.array_equal(outputs[1], verifier.reference.run(verifier.golden.input[1]))
