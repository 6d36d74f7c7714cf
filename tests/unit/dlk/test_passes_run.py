"""The whole list of passes: every stage computes the same, and a pass that breaks the graph is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from graphs import image, run_onnx, segnet, to_ir

from dlk.errors import DlkError, InternalError
from dlk.ir.edit import insert_before
from dlk.ir.ops import identifier
from dlk.passes import PASSES, Rewrite, run_passes

FINAL = {
    *("dlk.FloatConvThreshold", "dlk.FloatConvAffine", "dlk.QuantConvThreshold", "dlk.QuantConvAffine"),
    *("dlk.SpaceToDepth", "dlk.DepthToSpace", "dlk.Dequantize"),
}
VARIANTS = [
    {},
    {"logits": False},
    {"first": "tensor", "weights": "channel"},
    {"first": "channel", "logits": False, "bits": 4},
    {"bits": 1, "seed": 3},
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_stage_computes_the_same(variant: dict, tmp_path: Path) -> None:
    exported = segnet(**variant)
    x = image(exported)
    names = ["conv1", "conv2", "conv3"]
    fetch = [f"{name}/activation_quantizer:0" for name in names]
    expected = run_onnx(exported, x)[0]
    seen: list[str] = []

    def observe(name: str, model: ir.Model) -> None:
        onnx.checker.check_model(ir.to_proto(model))
        # Codes come from float32 before and from exact sums after: no value of these networks lies on a boundary,
        # so a wrong code would show as a step of max / n; the logits are rounded differently in each stage.
        np.testing.assert_allclose(run_onnx(model, x)[0], expected, atol=2e-5)
        seen.append(name)

    model = run_passes(to_ir(exported, tmp_path), observe=observe)
    assert seen == [kind.name for kind in PASSES]
    assert {identifier(node) for node in model.graph} <= FINAL
    bits = variant.get("bits", 2)
    codes = run_onnx(model, x, [f"{name}/codes" for name in names])
    for name, value, got in zip(names, _values(exported, x, fetch), codes, strict=True):
        top = 1.3 if name == "conv3" else 2.0
        assert np.array_equal(got, np.rint(value.transpose(1, 2, 0).astype(np.float64) * (2**bits - 1) / top)), name


def _values(exported: onnx.ModelProto, x: np.ndarray, names: list[str]) -> list[np.ndarray]:
    typed = onnx.ModelProto()
    typed.CopyFrom(exported)
    typed.graph.value_info.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * 4) for name in names
    )
    return run_onnx(typed, x, names)


class Breaking(Rewrite):
    """Declares another shape than the op gives."""

    name = "breaking"

    def rewrite(self, model: ir.Model) -> bool:
        """Spoil the first node."""
        next(iter(model.graph)).outputs[0].shape = ir.Shape([1, 1, 1, 1])
        return True


class Failing(Rewrite):
    name = "failing"

    def rewrite(self, model: ir.Model) -> bool:
        raise ZeroDivisionError("by accident")


class Lazy(PASSES[0]):
    name = "lazy"

    def rewrite(self, model: ir.Model) -> bool:
        return False


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Breaking, "breaking broke the graph"),
        (Failing, "failing failed: by accident"),
        (Lazy, "lazy failed: lazy left"),
    ],
)
def test_the_pass_at_fault_is_named(kind: type[Rewrite], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InternalError, match=reason) as caught:
        run_passes(to_ir(segnet(), tmp_path), passes=(kind, *PASSES))
    assert caught.value.exit_code == 2


class Backwards(Rewrite):
    """Puts an op back that an earlier pass has removed."""

    name = "backwards"

    def rewrite(self, model: ir.Model) -> bool:
        first = next(iter(model.graph))
        there = insert_before(
            first, "Transpose", [model.graph.inputs[0]], name="there", attributes={"perm": [0, 3, 1, 2]}
        )
        back = insert_before(first, "Transpose", [there], name="back", attributes={"perm": [0, 2, 3, 1]})
        first.replace_input_with(0, back)
        return True


def test_what_was_removed_stays_removed(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="backwards broke the graph: Transpose: this op may not occur"):
        run_passes(to_ir(segnet(), tmp_path), passes=(*PASSES, Backwards))


class Refusing(Rewrite):
    name = "refusing"

    def rewrite(self, model: ir.Model) -> bool:
        raise DlkError("no such network")


def test_a_refusal_stays_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(DlkError, match="no such network") as caught:
        run_passes(to_ir(segnet(), tmp_path), passes=(Refusing,))
    assert caught.value.exit_code == 1


def test_names_are_unique_and_files_hold_one_pass() -> None:
    assert len({kind.name for kind in PASSES}) == len(PASSES)
    for kind in PASSES:
        assert kind.__module__ == f"dlk.passes.{kind.name}"
