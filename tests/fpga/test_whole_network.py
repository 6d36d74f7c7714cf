"""LmSegnetV1Quantize at 360x480 on the simulated accelerator: every layer equal, and within its cycles.

On a drawn image, or with CAMVID=DIR on one of CamVid's; the board's library under qemu-arm, and the one for a PC.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from blueoil.bench.ours import lowered_network
from blueoil.zoo import at_dataset
from dlk.build import build, trace_program
from dlk.codegen import emit
from dlk.hw.sim.measure import Measured, measure
from dlk.lowering.offload import offload
from dlk.lowering.program import Accelerated, Program, QuantConv
from dlk.targets import TARGETS, TWINS, Target
from dlk.verify.available import Built, find_executors
from dlk.verify.equality import EqualityResult, check_equality
from dlk.verify.golden import Golden, read_golden
from dlk.verify.reference import Reference
from dlk.verify.simulator import simulator, with_simulator
from lmnet.datasets import open_dataset
from lmnet.datasets.scene import draw_scene
from lmnet.processors.images import read_image
from lmnet.processors.pre import resize
from lmnet.settings import Settings

pytestmark = pytest.mark.needs("verilator")

SIZE = (360, 480)
MOST_CYCLES, MOST_STALLS = 4_500_000, 0.15
"""Of a frame, and the part of them in which a tile waits."""


@dataclass
class Network:
    """The network with random weights, its reference on one image, and the simulator."""

    program: Program
    golden: Golden
    reference: Reference
    simulator: Path


def image() -> NDArray[np.uint8]:
    """Return a drawn scene, or the first validation image of the dataset in CAMVID."""
    camvid = os.environ.get("CAMVID")
    if not camvid:
        return draw_scene(np.random.default_rng(1), SIZE)[0]
    settings = Settings(train_path=Path(camvid), image_size=SIZE)
    pair = open_dataset(at_dataset(settings, Path(camvid))).validation.pairs[0]
    return resize(read_image(pair.image), SIZE)


def blocks(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 2x2 blocks of pixels as channels: what stands between the first layer and the accelerator."""
    height, width, channels = codes.shape
    split = codes.reshape(height // 2, 2, width // 2, 2, channels)
    return split.transpose(0, 2, 1, 3, 4).reshape(height // 2, width // 2, 4 * channels)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    folder = tmp_path_factory.mktemp("network")
    program = lowered_network(*SIZE, folder, image())
    golden = read_golden(folder / "export" / "reference.npz")
    return Network(program, golden, Reference(folder / "export" / "model.onnx"), simulator())


def equality(network: Network, project: Path, target: Target) -> EqualityResult:
    """Return what the library of a target, with the accelerator behind it, has in common with the reference."""
    emit(network.program, project, target)
    built = with_simulator(Built(target, build(project, target), trace_program(project)))
    (candidate,), _ = find_executors([built])
    inputs, reference = network.golden.input, network.reference
    return check_equality(candidate.executor, inputs, lambda i: reference.trace(inputs[i]), derived=reference.derived)


@pytest.fixture(scope="module")
def measured(network: Network) -> Measured:
    """The list of commands by itself, on what the reference has before the first of them."""
    (step,) = (step for step in offload(network.program).steps if isinstance(step, Accelerated))
    return measure(network.simulator, step, blocks(network.reference.trace(network.golden.input[0])["conv1"]))


@pytest.mark.parametrize(
    "target", [pytest.param(TARGETS["fpga"], marks=pytest.mark.needs("qemu-arm")), TWINS["fpga"]], ids=lambda t: t.name
)
def test_every_layer_is_equal(network: Network, tmp_path: Path, target: Target) -> None:
    found = equality(network, tmp_path / "project", target)
    assert found.failure == ""
    assert [layer for layer in found.layers if layer.mismatches] == []
    layers = {layer.layer for layer in found.layers}
    assert {f"conv{number}" for number in range(1, 11)} | {"output"} <= layers
    assert found.values > 5_000_000


def test_the_list_keeps_to_its_cycles_and_writes_what_the_definition_does(network: Network, measured: Measured) -> None:
    run = measured.network
    assert measured.mismatches == 0
    layers = [step for step in network.program.steps if isinstance(step, QuantConv)]
    shapes = [network.program.tensors[step.output].shape for step in layers]
    assert measured.values >= sum(int(np.prod(shape)) for shape in shapes)
    assert run.commands == len(shapes)
    assert run.cycles <= MOST_CYCLES
    assert measured.stall_share <= MOST_STALLS
    assert run.steps + run.stalls <= run.cycles
