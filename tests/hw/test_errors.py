"""Commands that are not allowed and a memory that fails: an error code, and the accelerator works on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hw_cases import LIST, Case, Layer, case, simulate

from dlk.hw.command import FIELDS
from dlk.hw.sim.model import ABANDON, DONE, ERROR, Options, Register, Simulator

pytestmark = pytest.mark.needs("verilator")

OPCODE, FIELD, READ, WRITE, ADDRESS = 1, 2, 3, 4, 5
LAYERS = [Layer((4, 6, 64), 40), Layer((4, 6, 64), 9, sums=True, sum_words=3)]
FAULTS = [
    ("opcode", 0, OPCODE),
    ("opcode", 2, OPCODE),
    ("sum_words", 0, FIELD),
    ("sum_words", 9, FIELD),
    ("groups", 0, FIELD),
    ("groups", 3, FIELD),
    ("passes", 0, FIELD),
    ("kernel_height", 0, FIELD),
    ("kernel_height", 8, FIELD),
    ("kernel_width", 0, FIELD),
    ("kernel_width", 8, FIELD),
    ("in_height", 0, FIELD),
    ("in_width", 0, FIELD),
    ("in_width", 9, FIELD),
    ("out_height", 0, FIELD),
    ("out_width", 0, FIELD),
    ("pass_bytes", 8 * (32 + 16 * 18) + 8, FIELD),
    ("pitch", 7, FIELD),
    ("pitch", 12, FIELD),
    ("slot_words", 12, FIELD),
    ("slots", 0, FIELD),
    ("slots", 2, FIELD),
    ("slots", 513, FIELD),
    ("slots", 0xFFFF, FIELD),
    ("run", 0, FIELD),
    ("row_low", 4, FIELD),
    ("row_high", 4, FIELD),
    ("outer_source", 4, FIELD),
    ("inner_source", 4, FIELD),
    ("outer", 0, FIELD),
    ("inner", 0, FIELD),
    ("source", 0x1008, ADDRESS),
    ("target", 0x1040, ADDRESS),
    ("parameters", 0x1001, ADDRESS),
]


def _with(made: Case, number: int, name: str, value: int) -> Case:
    word, low, bits = FIELDS[name]
    at = (LIST + 128 * number) // 8 + word
    memory = made.memory.copy()
    memory[at] = int(memory[at]) & ~((1 << bits) - 1 << low) | value << low
    return Case(memory, made.count, made.outputs)


@pytest.mark.parametrize(("name", "value", "error"), FAULTS)
def test_a_command_that_is_not_allowed(library: Path, name: str, value: int, error: int) -> None:
    """The command before it is done; it writes nothing itself; and the core then runs what is right."""
    good = case(LAYERS, 1)
    bad = _with(good, 1, name, value)
    with Simulator(library, good.memory.nbytes) as sim:
        sim.memory[:] = bad.memory
        run = sim.run(LIST, 2, limit=20_000)
        assert (run.status, run.error, run.error_command, run.commands) == (ERROR, error, 1, 1)
        address, words = good.outputs[0]
        expected = good.expected()
        part = slice(address // 8, address // 8 + words)
        np.testing.assert_array_equal(sim.memory[part], expected[part])
        address, words = good.outputs[1]
        part = slice(address // 8, address // 8 + words)
        np.testing.assert_array_equal(sim.memory[part], good.memory[part])

        sim.memory[:] = good.memory
        again = sim.run(LIST, 2)
        assert (again.status, again.error) == (DONE, 0)
        np.testing.assert_array_equal(sim.memory, expected)


def test_the_most_steps_are_256(library: Path) -> None:
    most = case([Layer((2, 2, 5 * 32), 8, (7, 7), (3, 3))], 2)  # 245
    run, after = simulate(library, most)
    assert run.status == DONE
    np.testing.assert_array_equal(after, most.expected())
    over = case([Layer((2, 2, 6 * 32), 8, (7, 7), (3, 3))], 2)  # 294
    run, _ = simulate(library, over)
    assert (run.status, run.error) == (ERROR, FIELD)


@pytest.mark.parametrize(("address", "count"), [(LIST + 8, 1), (LIST + 64, 1), (LIST, 0)])
def test_a_list_that_is_not_allowed(library: Path, address: int, count: int) -> None:
    good = case(LAYERS[:1], 3)
    with Simulator(library, good.memory.nbytes) as sim:
        sim.memory[:] = good.memory
        run = sim.run(address, count, limit=1000)
        assert (run.status, run.error, run.error_command, run.commands) == (ERROR, ADDRESS, 0, 0)
        assert (run.words_read, run.words_written) == (0, 0)
        sim.write32(Register.CONTROL, ABANDON)
        assert (sim.read32(Register.STATUS), sim.read32(Register.ERROR)) == (0, 0)
        assert sim.run(LIST, 1).status == DONE
        np.testing.assert_array_equal(sim.memory, good.expected())


@pytest.mark.parametrize("stall", [0, 120])
@pytest.mark.parametrize("what", ["command", "source", "parameters", "last parameters", "target", "end of target"])
def test_a_memory_that_answers_with_an_error(library: Path, what: str, stall: int) -> None:
    good = case(LAYERS, 4)
    command = {
        name: int(good.memory[(LIST + 128) // 8 + w]) >> low & (1 << b) - 1 for name, (w, low, b) in FIELDS.items()
    }
    address, error = {
        "command": (LIST + 128, READ),
        "source": (command["source"] + 64, READ),
        "parameters": (command["parameters"], READ),
        "last parameters": (command["parameters"] + command["pass_bytes"] - 1, READ),
        "target": (command["target"] + 8, WRITE),
        "end of target": (command["target"] + 8 * good.outputs[1][1] - 8, WRITE),
    }[what]
    with Simulator(library, good.memory.nbytes, Options(stall=stall, seed=5, fault=address)) as sim:
        sim.memory[:] = good.memory
        for _ in range(2):  # the memory fails again, after a start that clears the error
            run = sim.run(LIST, 2, limit=50_000)
            assert (run.status, run.error, run.error_command, run.commands) == (ERROR, error, 1, 1)
        first = good.outputs[0]
        part = slice(first[0] // 8, first[0] // 8 + first[1])
        np.testing.assert_array_equal(sim.memory[part], good.expected()[part])
        assert sim.run(LIST, 1, limit=50_000).status == DONE  # the first command alone


def test_an_address_outside_of_the_memory_is_an_error_of_the_memory(library: Path) -> None:
    good = case(LAYERS[:1], 5)
    for name, error in (("source", READ), ("parameters", READ), ("target", WRITE)):
        run, _ = simulate(library, _with(good, 0, name, 0xFFFF_0000))
        assert (run.status, run.error, run.error_command) == (ERROR, error, 0)
