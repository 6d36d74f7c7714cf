from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from graphs import EPSILON, Layer, build, image, run_onnx, segnet

from dlk.errors import DlkError
from dlk.verify.reference import LayerCodes, Reference
from dlk.verify.reference_ops import Window, exact_sums, magnitudes


def reference(model: onnx.ModelProto, folder: Path) -> Reference:
    onnx.save(model, folder / "model.onnx")
    return Reference(folder / "model.onnx")


def test_layers_and_trace(tmp_path: Path) -> None:
    exported = segnet()
    executor = reference(exported, tmp_path)
    x = image(exported)
    trace = executor.trace(x)
    assert list(trace) == ["conv1", "conv2", "conv3", "output"]
    assert executor.quantized_layers == ("conv1", "conv2", "conv3")
    assert [executor.sources(name) for name in ("conv1", "conv2", "conv4")] == [("input",), ("conv1",), ("conv3",)]
    assert all(trace[name].dtype == np.uint8 for name in executor.quantized_layers)
    assert np.array_equal(executor.run(x), trace["output"])
    # onnxruntime computes in float32; no value of this network lies near a boundary, so only the logits round.
    np.testing.assert_allclose(trace["output"], run_onnx(exported, x)[0], atol=1e-5)


def test_the_first_layer_is_summed_in_order(tmp_path: Path) -> None:
    """Row, column, channel ascending; each product and each sum rounded: by hand, number by number."""
    exported = build([Layer("conv1", 3, 2, "", 0)], size=(3, 4), seed=9)
    x = image(exported)
    x[0, 0, 0], x[1, 1, 1], x[2, 2, 2] = 1e-40, -0.0, 3e6
    tensors = {t.name: onnx.numpy_helper.to_array(t).astype(np.float64) for t in exported.graph.initializer}
    kernel = tensors["conv1/kernel"].astype(np.float32)
    got = reference(exported, tmp_path).run(x)
    for row, column, channel in np.ndindex(3, 4, 2):
        acc = np.float32(0)
        for ky, kx, c in np.ndindex(3, 3, 3):
            y, z = row + ky - 1, column + kx - 1
            if 0 <= y < 3 and 0 <= z < 4 and abs(x[y, z, c]) > 1e-38:
                acc = np.float32(acc + np.float32(kernel[channel, c, ky, kx] * x[y, z, c]))
        gamma, beta, mean, variance = (tensors[f"conv1/{k}"][channel] for k in ("gamma", "beta", "mean", "variance"))
        spread = np.sqrt(variance + EPSILON)
        y = np.float32(np.float32(acc * np.float32(gamma / spread)) + np.float32(beta - mean * gamma / spread))
        assert got[row, column, channel] == y


def test_subnormal_inputs_and_weights_count_as_zero(tmp_path: Path) -> None:
    norm = {"gamma": [1.0], "beta": [0.25], "mean": [0.0], "variance": [1.0]}
    kernel = np.array([1e30, 1e-40, 1.0], np.float32).reshape(1, 3, 1, 1)
    layer = Layer("conv1", 1, 1, "", 0, kernel=kernel, norm=norm, epsilon=0.0)
    x = np.array([[[1e-40, 1e30, 2.0]]], np.float32)
    assert reference(build([layer], size=(1, 1)), tmp_path).run(x).item() == 2.25
    kernel[0, 0] = 1e38  # with it the input would add 0.01
    assert reference(build([layer], size=(1, 1)), tmp_path).run(x).item() == 2.25


def test_a_binary_layer_by_hand(tmp_path: Path) -> None:
    """Sums of integers, the scale's mean in float64, sign(0) = +1, ties up, code 0 outside the image."""
    kernel = np.array([[[[0.0]], [[-1.0]], [[0.5]], [[-0.5]]]], np.float32)
    plain = {"gamma": [1.0], "beta": [0.0], "mean": [0.0], "variance": [1.0]}
    first = {"gamma": [1.0] * 4, "beta": [0.0] * 4, "mean": [0.0] * 4, "variance": [1.0] * 4}
    eye = np.zeros((4, 3, 1, 1), np.float32)
    eye[(0, 1, 2), (0, 1, 2)] = 1
    layers = [
        Layer("conv1", 1, 4, "", 2, 3.0, kernel=eye, norm=first, epsilon=0.0),
        Layer("conv2", 1, 1, "tensor", 2, 3.0, kernel=kernel, norm=plain, epsilon=0.0),
    ]
    exported = build(layers, size=(1, 4))
    x = np.array([[[3, 0, 0], [2.5, 0.4, 1], [0, 3, 0], [3, 0, 3]]], np.float32)
    trace = reference(exported, tmp_path).trace(x)
    assert trace["conv1"][0].tolist() == [[3, 0, 0, 0], [3, 0, 1, 0], [0, 3, 0, 0], [3, 0, 3, 0]]
    # S = 3, 4, -3, 6 times the mean 0.5: 1.5, 2, -1.5, 3; the tie 1.5 goes up.
    assert trace["conv2"].ravel().tolist() == [2, 2, 0, 3]
    assert trace["output"].ravel().tolist() == [2.0, 2.0, 0.0, 3.0]


def test_one_layer_alone_and_its_bound(tmp_path: Path) -> None:
    exported = segnet(seed=4)
    executor = reference(exported, tmp_path)
    x = image(exported)
    trace = executor.trace(x)
    for name in executor.quantized_layers:
        judged = executor.layer_codes(name, {**trace, "input": x})
        assert np.array_equal(judged.codes, trace[name])
        assert np.array_equal(judged.codes, np.clip(np.floor(judged.position + 0.5), 0, 3))
        assert np.all(judged.distance >= 0)
        nearest = np.min([np.abs(judged.position - edge) for edge in (0.5, 1.5, 2.5)], axis=0)
        np.testing.assert_allclose(judged.distance, nearest, atol=1e-12)
        assert np.all((judged.bound > 0) & (judged.bound < 1e-3))
        assert not judged.unexplained(judged.codes).any()


def test_the_bound_by_hand(tmp_path: Path) -> None:
    """One tap of three channels: K = 3, terms |w x| gamma/spread + |mean| gamma/spread + |beta|, times n / max."""
    norm = {"gamma": [-2.0], "beta": [0.5], "mean": [-3.0], "variance": [4.0 - EPSILON]}
    kernel = np.array([1, -2, 3], np.float32).reshape(1, 3, 1, 1)
    executor = reference(build([Layer("conv1", 1, 1, "", 2, 2.0, kernel=kernel, norm=norm)], size=(1, 1)), tmp_path)
    judged = executor.layer_codes("conv1", {"input": np.array([[[1, 2, -1]]], np.float32)})
    assert judged.position.item() == pytest.approx((-(-6.0 + 3.0) + 0.5) * 1.5, rel=1e-6)
    assert judged.bound.item() == pytest.approx(11 * 2.0**-24 * (8 + 3 + 0.5) * 1.5, rel=1e-6)


def test_only_a_rounding_explains_another_code(tmp_path: Path) -> None:
    """conv1 is the identity with max 3: positions 1.5 (on a boundary), 1.4 and 1.5 - 1e-7."""
    norm = {"gamma": [1.0], "beta": [0.0], "mean": [0.0], "variance": [1.0]}
    kernel = np.array([1, 0, 0], np.float32).reshape(1, 3, 1, 1)
    layer = Layer("conv1", 1, 1, "", 2, 3.0, kernel=kernel, norm=norm, epsilon=0.0)
    executor = reference(build([layer], size=(1, 3)), tmp_path)
    x = np.zeros((1, 3, 3), np.float32)
    x[0, :, 0] = 1.5, 1.4, np.nextafter(np.float32(1.5), np.float32(0))
    judged = executor.layer_codes("conv1", {"input": x})
    assert judged.codes.ravel().tolist() == [2, 1, 1]
    other = np.array([1, 2, 2], np.uint8).reshape(1, 3, 1)
    assert judged.unexplained(other).ravel().tolist() == [False, True, False]
    two_away = np.array([0, 3, 3], np.uint8).reshape(1, 3, 1)
    assert judged.unexplained(two_away).all()


def test_a_position_that_is_no_number_excuses_nothing() -> None:
    nan = np.full((1, 1, 1), np.nan)
    judged = LayerCodes(np.zeros((1, 1, 1), np.uint8), nan, nan, np.ones((1, 1, 1)))
    assert judged.unexplained(np.ones((1, 1, 1), np.uint8)).all()


def test_the_reference_uses_nothing_of_the_converter() -> None:
    """A wrong pass, threshold or weight cannot hide where its code is not even loaded."""
    code = "import sys, dlk.verify.reference; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    foreign = ("dlk.passes", "dlk.lowering", "dlk.codegen", "dlk.frontends", "dlk.ir.semantics")
    assert "dlk.verify.reference" in loaded
    assert not [name for name in loaded if name.startswith(foreign)]


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((8, 8, 4), np.float32),
        np.zeros((8, 8, 3), np.float64),
        np.full((8, 8, 3), np.nan, np.float32),
        np.full((8, 8, 3), np.inf, np.float32),
    ],
)
def test_input_that_is_none(x: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(DlkError, match="cannot run"):
        reference(segnet(), tmp_path).run(x)


def test_graphs_that_it_cannot_read(tmp_path: Path) -> None:
    exported = segnet()
    spare = exported.graph.node.add()
    spare.CopyFrom(next(n for n in exported.graph.node if n.name == "conv2/batch_norm"))
    spare.name, spare.output[0] = "spare", "spare:0"
    with pytest.raises(DlkError, match="not read by the layer alone"):
        reference(exported, tmp_path)
    exported = segnet()
    next(n for n in exported.graph.node if n.name == "s2d1").op_type = "Relu"
    with pytest.raises(DlkError):
        reference(exported, tmp_path)
    exported = segnet()
    del next(n for n in exported.graph.node if n.name == "conv2/conv").attribute[:]
    with pytest.raises(DlkError, match="cannot read the graph"):
        reference(exported, tmp_path)


def test_a_layer_without_codes_is_not_judged(tmp_path: Path) -> None:
    with pytest.raises(DlkError, match="gives no codes"):
        reference(segnet(), tmp_path).layer_codes("conv4", {"conv3": np.zeros((4, 4, 8), np.uint8)})


def test_magnitudes_of_signs_are_summed_once_for_all_outputs() -> None:
    values = np.random.default_rng(3).integers(0, 4, size=(5, 7, 6)).astype(np.float64)
    signs = np.ones((3, 3, 6, 4))
    window = Window((3, 3), (1, 1), (1, 1), (1, 1))
    shared = magnitudes(values, signs, window)
    assert shared.shape == (5, 7, 1)
    np.testing.assert_array_equal(np.broadcast_to(shared, (5, 7, 4)), exact_sums(values, signs, window))
    other = signs * 2
    np.testing.assert_array_equal(magnitudes(values, other, window), exact_sums(values, other, window))
