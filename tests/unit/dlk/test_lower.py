from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from graphs import META, image, segnet, to_ir
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import evaluate

from dlk.errors import DlkError, InternalError
from dlk.lowering import lower
from dlk.lowering.program import Affine, Kind, Preprocess, Program, QuantConv
from dlk.passes import PASSES, run_passes
from dlk.passes.compute_thresholds import ComputeThresholds
from dlk.verify.reference import Reference


def program(folder: Path, **variant: object) -> Program:
    return lower(run_passes(to_ir(segnet(**variant), folder)), META)


def test_steps_and_tensors(tmp_path: Path) -> None:
    result = program(tmp_path)
    assert [(step.name, type(step).__name__) for step in result.steps] == [
        ("s2d1", "SpaceToDepth"),
        ("conv1", "FloatConv"),
        ("s2d2", "SpaceToDepth"),
        ("conv2", "QuantConv"),
        ("d2s1", "DepthToSpace"),
        ("conv3", "QuantConv"),
        ("d2s2", "DepthToSpace"),
        ("conv4", "QuantConv"),
    ]
    assert (result.input, result.output) == ("images_placeholder", "output")
    assert {name: t.shape for name, t in result.tensors.items()} == {
        "images_placeholder": (8, 8, 3),
        "s2d1": (4, 4, 12),
        "conv1": (4, 4, 4),
        "s2d2": (2, 2, 16),
        "conv2": (2, 2, 8),
        "d2s1": (4, 4, 2),
        "conv3": (4, 4, 8),
        "d2s2": (8, 8, 2),
        "output": (8, 8, 5),
    }
    assert result.tensors["s2d2"].kind is Kind.CODES
    assert (result.tensors["d2s2"].bits, result.tensors["d2s2"].max_value) == (2, float(np.float32(1.3)))
    assert result.tensors["s2d1"].kind is result.tensors["output"].kind is Kind.FLOAT
    assert result.classes == ("a", "b", "c", "d", "e")
    assert result.preprocess == Preprocess("DivideBy255")
    assert result.metadata["checkpoint"] == "save.ckpt-1"
    last = result.steps[-1]
    assert isinstance(last, QuantConv)
    assert isinstance(last.epilogue, Affine)
    assert last.weights.dtype == np.int8
    assert last.weights.shape == (3, 3, 2, 5)


def test_quantized_logits_end_in_a_table(tmp_path: Path) -> None:
    result = program(tmp_path, logits=False)
    assert result.steps[-1].name == "conv4_dequantize"
    assert result.steps[-1].table.tolist() == [np.float32(a * 2 / 3) for a in range(4)]


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["", "tensor", "channel"]),
    st.booleans(),
    st.sampled_from(["tensor", "channel"]),
    st.sampled_from([1, 2, 4]),
    st.integers(0, 10**6),
)
def test_the_program_equals_the_reference(first: str, logits: bool, weights: str, bits: int, seed: int) -> None:
    """Every code and every bit of the output."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        exported = segnet(first=first, logits=logits, weights=weights, bits=bits, seed=seed)
        lowered = lower(run_passes(to_ir(exported, folder)), META)
        x = image(exported, seed)
        expected = Reference(folder / "model.onnx").trace(x)
    got = evaluate(lowered, x)
    for layer, values in expected.items():
        assert np.array_equal(values.view(np.uint8), np.ascontiguousarray(got[layer]).view(np.uint8)), layer


class FlipsOneSign(ComputeThresholds):
    """Computes the thresholds of conv2 with the sign of one gamma wrong."""

    def rewrite(self, model) -> bool:
        """Flip it, then go on as usual."""
        tensor = model.graph.initializers["conv2/gamma"]
        values = tensor.const_value.numpy().copy()
        values[0] *= -1
        tensor.const_value = ir.tensor(values)
        return super().rewrite(model)


def test_a_wrong_pass_cannot_hide(tmp_path: Path) -> None:
    exported = segnet(seed=2)
    model = to_ir(exported, tmp_path)
    wrong = [FlipsOneSign if kind is ComputeThresholds else kind for kind in PASSES]
    lowered = lower(run_passes(model, passes=wrong), META)
    x = image(exported)
    expected = Reference(tmp_path / "model.onnx").trace(x)
    got = evaluate(lowered, x)
    differing = [layer for layer, values in expected.items() if not np.array_equal(values, got[layer])]
    assert differing[0] == "conv2"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("CLASSES", ["a", "b"]),
        ("CLASSES", None),
        ("IMAGE_SIZE", [8, 10]),
        ("PRE_PROCESSOR", []),
        ("PRE_PROCESSOR", [{"Whitening": None}]),
        ("PRE_PROCESSOR", [{"DivideBy255": None}, {"PerImageStandardization": None}]),
        ("PRE_PROCESSOR", ["DivideBy255"]),
    ],
)
def test_meta_that_does_not_fit(key: str, value: object, tmp_path: Path) -> None:
    model = run_passes(to_ir(segnet(), tmp_path))
    with pytest.raises(DlkError) as caught:
        lower(model, {**META, key: value})
    assert caught.value.where == key
    assert caught.value.fix


def test_a_graph_before_the_passes_is_not_lowered(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="no final op"):
        lower(to_ir(segnet(), tmp_path), META)
