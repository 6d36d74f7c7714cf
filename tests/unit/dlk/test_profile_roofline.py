"""The arithmetic of the roofline."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlk.codegen.facts import StepFacts
from dlk.profile.library import Ceilings
from dlk.profile.machine import this_machine
from dlk.profile.roofline import COMPUTE, MEMORY, other_share, profile_layer, profile_layers

CEILINGS = Ceilings(bit_adds=1e9, macs=1e8, bytes=1e6)
CONV = StepFacts("c", "quant_conv", 2, 2, 1, 8_000_000, 4_000_000, 700, 300)
FLOAT = StepFacts("f", "float_conv", 32, 2, 32, 300_000, 0, 2000, 1000)
MOVE = StepFacts("m", "space_to_depth", 2, 2, 0, 0, 0, 1000, 1000)


def test_a_quantized_convolution_is_compared_in_bits() -> None:
    layer = profile_layer(CONV, 0.008, CEILINGS)
    assert (layer.compute_seconds, layer.memory_seconds) == pytest.approx((0.004, 0.001))
    assert layer.bound == COMPUTE
    assert layer.reached == pytest.approx(0.5)
    assert layer.per_second(layer.facts.macs) == pytest.approx(1e9)
    assert layer.attainable(layer.facts.macs) == pytest.approx(2e9)
    assert layer.attainable(layer.operations) == pytest.approx(CEILINGS.bit_adds)


def test_a_float_convolution_is_compared_in_multiply_adds_and_may_be_bound_by_memory() -> None:
    layer = profile_layer(FLOAT, 0.006, CEILINGS)
    assert (layer.compute_seconds, layer.memory_seconds) == pytest.approx((0.003, 0.003))
    assert profile_layer(FLOAT, 0.006, Ceilings(1e9, 2e8, 1e6)).bound == MEMORY


def test_a_move_is_bound_by_memory() -> None:
    layer = profile_layer(MOVE, 0.004, CEILINGS)
    assert (layer.compute_seconds, layer.bound) == (0, MEMORY)
    assert layer.reached == pytest.approx(0.5)
    assert layer.attainable(layer.bytes) == pytest.approx(CEILINGS.bytes)


def test_an_accelerators_work_is_no_work_of_the_processor() -> None:
    layer = profile_layer(StepFacts("a", "accelerated", 2, 32, 1, 8_000_000, 0, 700, 300), 0.004, CEILINGS)
    assert (layer.compute_seconds, layer.memory_seconds) == pytest.approx((0, 0.001))
    assert layer.quantized


def test_a_step_too_short_for_the_clock_has_no_rate() -> None:
    layer = profile_layer(MOVE, 0.0, CEILINGS)
    assert (layer.reached, layer.per_second(1000)) == (0, 0)


def test_what_is_no_quantized_convolution_has_its_share() -> None:
    layers = profile_layers([CONV, FLOAT, MOVE], [0.006, 0.003, 0.001], CEILINGS)
    assert other_share(layers) == pytest.approx(0.4)
    assert other_share([]) == 0


def test_threads_multiply_every_ceiling() -> None:
    assert CEILINGS.times(3) == Ceilings(3e9, 3e8, 3e6)


@pytest.mark.parametrize(
    ("text", "cpu", "megahertz"),
    [
        ("model name\t: A CPU @ 2 GHz\ncpu MHz\t\t: 1995.5\n", "A CPU @ 2 GHz", 1995.5),
        ("processor : 0\nHardware : Altera SOCFPGA\n", "Altera SOCFPGA", None),
    ],
)
def test_the_processor_is_named(tmp_path: Path, text: str, cpu: str, megahertz: float | None) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    found = this_machine(tmp_path / "cpuinfo")
    assert (found.cpu, found.megahertz) == (cpu, megahertz)
    assert found.cpus > 0
    assert this_machine(tmp_path / "absent").cpu
