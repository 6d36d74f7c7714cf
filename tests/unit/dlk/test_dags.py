"""Networks that are not one chain, from the exported graph to the Program, executed in every way with ``==``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from dags import Dag, drawn, everything, integers
from graphs import META, Layer, image, run_onnx, to_ir
from hand import Hand
from hypothesis import given, settings
from hypothesis import strategies as st
from interpreter import interpret
from numpy.typing import NDArray

from dlk.errors import InternalError
from dlk.ir.check import check
from dlk.lowering import lower
from dlk.lowering.program import Concat, Kind, MaxPool, Pad, Program, QuantConv, Split, Window
from dlk.passes import PASSES, run_passes
from dlk.passes.sink_dequantize import SinkDequantize
from dlk.verify.reference import Reference


def traced(program: Program, x: NDArray[np.float32]) -> dict[str, NDArray]:
    """Return what the program makes by step, and ``output``."""
    values = interpret(program, x)
    steps = {step.name: values[step.writes[0]] for step in program.steps if len(step.writes) == 1}
    return {**steps, "output": values[program.output]}


def same(expected: NDArray, got: NDArray) -> bool:
    return expected.dtype == got.dtype and np.array_equal(
        expected.view(np.uint8), np.ascontiguousarray(got).view(np.uint8)
    )


def compare_everywhere(exported: onnx.ModelProto, x: NDArray[np.float32], folder: Path) -> None:
    """The exported graph in onnxruntime and in the reference, the IR after every pass, the Program."""
    model = to_ir(exported, folder)
    expected = Reference(folder / "model.onnx").trace(x)
    assert np.array_equal(run_onnx(exported, x)[0], expected["output"])

    def observe(name: str, model: ir.Model) -> None:
        onnx.checker.check_model(ir.to_proto(model))
        assert np.array_equal(run_onnx(model, x)[0], expected["output"]), name

    program = lower(run_passes(model, observe=observe), META)
    made = {str(value.name) for node in model.graph for value in node.outputs}
    codes = [f"{layer}/codes" for layer in expected if f"{layer}/codes" in made]
    for name, values in zip(codes, run_onnx(model, x, codes) if codes else [], strict=True):
        assert same(expected[name.removesuffix("/codes")], values), name
    got = traced(program, x)
    for layer, values in expected.items():
        assert same(values, got[layer]), layer


@pytest.mark.parametrize("logits", [True, False])
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_one_of_each_in_every_way(bits: int, logits: bool, tmp_path: Path) -> None:
    exported = everything(bits=bits, logits=logits)
    compare_everywhere(exported, integers(exported), tmp_path)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 3]))
def test_drawn_networks_in_every_way(seed: int, bits: int) -> None:
    exported = drawn(seed, bits=bits)
    with tempfile.TemporaryDirectory() as name:
        compare_everywhere(exported, integers(exported, seed), Path(name))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_the_program_equals_the_reference_on_any_numbers(seed: int) -> None:
    """Float images, kernels and normalisations as training leaves them: what onnxruntime rounds is not compared."""
    exported = drawn(seed, exact=False)
    x = image(exported, seed)
    with tempfile.TemporaryDirectory() as name:
        program = lower(run_passes(to_ir(exported, Path(name))), META)
        expected = Reference(Path(name) / "model.onnx").trace(x)
    got = traced(program, x)
    for layer, values in expected.items():
        assert same(values, got[layer]), layer


def test_the_networks_are_worth_comparing(tmp_path: Path) -> None:
    """All codes occur in every layer, and each kind of step occurs in the drawn networks."""
    exported = everything()
    to_ir(exported, tmp_path)
    trace = Reference(tmp_path / "model.onnx").trace(integers(exported))
    assert all(set(np.unique(trace[layer])) == {0, 1, 2, 3} for layer in ("conv1", "conv2", "conv3", "conv4"))
    kinds = {node.op_type for seed in range(20) for node in drawn(seed).graph.node}
    assert {"Conv", "MaxPool", "Concat", "Split", "Pad", "SpaceToDepth", "DepthToSpace"} <= kinds


def test_the_steps_of_a_network_with_skips(tmp_path: Path) -> None:
    program = lower(run_passes(to_ir(everything(), tmp_path)), META)
    steps = {step.name: step for step in program.steps}
    assert list(steps) == [
        *("conv1", "conv2", "pool1", "split1", "conv3", "concat1", "pad1", "split2", "pool2", "pool3"),
        *("concat2", "conv4", "d2s1", "conv5"),
    ]
    conv2, conv3 = steps["conv2"], steps["conv3"]
    assert isinstance(conv2, QuantConv) and conv2.window == Window((3, 3), 2, (0, 0))
    assert isinstance(conv3, QuantConv) and conv3.window == Window((2, 3), 1, (1, 0))
    assert steps["pool1"] == MaxPool("pool1", "conv1", "pool1", Window((3, 3), 2, (1, 1)))
    assert steps["split1"] == Split("split1", "pool1", ("split1:0", "split1:1"))
    assert steps["concat1"] == Concat("concat1", ("split1:1", "conv2", "conv3"), "concat1")
    assert steps["pad1"] == Pad("pad1", "concat1", "pad1", (1, 0), (0, 1), (2, 1))
    assert steps["split2"].writes == ("split2:0", "split2:1", "split2:2")
    assert {name: program.tensors[name].shape for name in ("pool1", "concat1", "pad1", "split2:2", "concat2")} == {
        "pool1": (4, 4, 8),
        "concat1": (4, 4, 17),
        "pad1": (5, 5, 20),
        "split2:2": (5, 5, 6),
        "concat2": (4, 4, 21),
    }
    inside = [tensor for name, tensor in program.tensors.items() if name not in (program.input, program.output)]
    assert {(tensor.kind, tensor.bits, tensor.max_value) for tensor in inside} == {(Kind.CODES, 2, 3.0)}


class Swaps(SinkDequantize):
    """Joins the parts in the wrong order."""

    def rewrite(self, model: ir.Model) -> bool:
        """Turn the inputs of concat1 around, then go on as usual."""
        node = next(node for node in model.graph if node.name == "concat1")
        for index, value in enumerate(reversed(list(node.inputs))):
            node.replace_input_with(index, value)
        return super().rewrite(model)


class Shifts(SinkDequantize):
    """Pads a convolution before the image where it should do so behind."""

    def rewrite(self, model: ir.Model) -> bool:
        """Turn the padding of conv2 around."""
        node = next(node for node in model.graph if node.name == "conv2/conv")
        node.attributes.add(ir.AttrInt64s("pads", [1, 1, 0, 0]))
        return super().rewrite(model)


class Drops(SinkDequantize):
    """Lets a pool begin inside of the image."""

    def rewrite(self, model: ir.Model) -> bool:
        """Turn the padding of pool1 around."""
        node = next(node for node in model.graph if node.name == "pool1")
        node.attributes.add(ir.AttrInt64s("pads", [0, 0, 2, 2]))
        return super().rewrite(model)


@pytest.mark.parametrize(("wrong", "first"), [(Swaps, "concat1"), (Shifts, "conv2"), (Drops, "pool1")])
def test_a_wrong_rewrite_cannot_hide(wrong: type[SinkDequantize], first: str, tmp_path: Path) -> None:
    """Each keeps all shapes and all rules of the graph; the reference, which knows no pass, tells where it is."""
    exported = everything()
    model = to_ir(exported, tmp_path)
    run_passes(model, passes=[wrong if kind is SinkDequantize else kind for kind in PASSES])
    check(model)
    x = integers(exported)
    got = traced(lower(model, META), x)
    expected = Reference(tmp_path / "model.onnx").trace(x)
    assert next(layer for layer, values in expected.items() if not same(values, got[layer])) == first


def by_hand(make: Callable[[Hand], ir.Value]) -> ir.Model:
    hand = Hand((8, 8, 3))
    x = make(hand)
    kernel = hand.constant("last/kernel", np.ones((1, 1, x.shape[3], 5), np.float32))
    vectors = [hand.constant(f"last/{name}", np.ones(5, np.float32)) for name in ("a", "b")]
    if x.dtype == ir.DataType.FLOAT:
        return hand.model(hand.node("dlk.FloatConvAffine", [x, kernel, *vectors], "last/affine"))
    sign = hand.constant("last/sign", np.resize([-1, 0, 1, 1], (1, 1, x.shape[3], 5)).astype(np.int8))
    return hand.model(hand.node("dlk.QuantConvAffine", [x, sign, *vectors], "last/affine"))


def first(hand: Hand, **facts: list[int]) -> ir.Value:
    kernel = hand.constant("conv1/kernel", np.ones((3, 3, 3, 4), np.float32))
    values = hand.constant("conv1/thresholds", np.tile(np.float32([0, 1, 2]), (4, 1)))
    rising = hand.constant("conv1/directions", np.ones(4, np.int8))
    kind = {"bits": 2, "max_value": 2.0}
    return hand.node("dlk.FloatConvThreshold", [hand.x, kernel, values, rising], "conv1/threshold", **kind, **facts)


WINDOW = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0] * 4}
TWO = {**WINDOW, "pads": [0, 0, 1, 1]}
OF_FLOATS: dict[str, Callable[[Hand], ir.Value]] = {
    "max pool": lambda h: h.node("dlk.MaxPool", [h.x], "pool1", **WINDOW),
    "mean": lambda h: h.node("dlk.AveragePool", [h.x], "pool1", **TWO, count_include_pad=0),
    "padded mean": lambda h: h.node("dlk.AveragePool", [h.x], "pool1", **TWO, count_include_pad=1),
    "pad": lambda h: h.node("dlk.Pad", [h.x], "pad1", pads=[0, 1, 1, 0] * 2),
    "concat": lambda h: h.node("Concat", [h.x, h.x], "concat1", axis=3),
    "split": lambda h: h.parts("Split", [h.x], "split1", 3, axis=3, num_outputs=3)[0],
    "stride": lambda h: first(h, strides=[2, 2], pads=[1] * 4),
    "padding": lambda h: first(h, strides=[1, 1], pads=[0, 0, 2, 2]),
    "relu": lambda h: h.node("Relu", [h.x], "relu1"),
    "leaky relu": lambda h: h.node("LeakyRelu", [h.x], "relu1", alpha=0.25),
    **{
        op: lambda h, op=op: h.node(op, [h.x, h.node("Relu", [h.x], "relu1")], "two1")
        for op in ("Add", "Sub", "Mul", "Max", "Min")
    },
}


@pytest.mark.parametrize("name", OF_FLOATS)
def test_what_computes_with_floats_reaches_the_program(name: str) -> None:
    """On whole numbers, where no order of a sum rounds: as onnxruntime computes the same graph."""
    model = by_hand(OF_FLOATS[name])
    program = lower(model, META)
    x = np.random.default_rng(0).integers(-12, 13, (8, 8, 3)).astype(np.float32) * 12
    received = run_onnx(model, x)[0]
    np.testing.assert_allclose(interpret(program, x)["output"], received, rtol=3e-7 if "mean" in name else 0)


def test_a_join_on_the_axis_of_the_export_is_no_final_op() -> None:
    with pytest.raises(InternalError, match="Concat is no final op while it is NCHW"):
        lower(by_hand(lambda hand: hand.node("Concat", [first(hand)] * 2, "concat1", axis=1)), META)


def test_ternary_weights_reach_the_program() -> None:
    model = by_hand(lambda hand: first(hand))
    program = lower(model, META)
    last = program.steps[-1]
    assert isinstance(last, QuantConv) and set(np.unique(last.weights)) == {-1, 0, 1}
    x = np.random.default_rng(0).integers(-2, 3, (8, 8, 3)).astype(np.float32)
    assert np.array_equal(interpret(program, x)["output"], run_onnx(model, x)[0])


def test_the_output_may_be_a_part_of_a_split(tmp_path: Path) -> None:
    dag = Dag()
    x = dag.conv(dag.image, Layer("conv1", 3, 8, ""))
    exported = dag.close(dag.split(dag.conv(x, Layer("conv2", 3, 8)), "split1", [3, 5])[1])
    model = to_ir(exported, tmp_path)
    program = lower(run_passes(model), META)
    assert [step.name for step in program.steps] == ["conv1", "conv2", "split1", "split1_dequantize1"]
    image = integers(exported)
    assert same(Reference(tmp_path / "model.onnx").run(image), interpret(program, image)["output"])
