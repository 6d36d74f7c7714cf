"""The accelerator's README is what Python and C++ know of its commands and registers."""

from __future__ import annotations

import re
from pathlib import Path

import dlk.hw
from dlk.hw.command import COMMAND_WORDS, FIELDS
from dlk.hw.sim.model import Register

FOLDER = Path(dlk.hw.__file__).parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")
HEADER = (FOLDER.parent / "runtime" / "fpga" / "registers.h").read_text(encoding="utf-8")


def test_the_readmes_fields_are_those_of_the_command() -> None:
    told = {}
    for word, places, names in re.findall(r"^\| (\d+) \| ([\d. /]+) \| (`[^|]+`) \|", README, re.MULTILINE):
        for place, name in zip(places.split(" / "), re.findall(r"`(\w+)`", names), strict=True):
            high, _, low = place.partition("..")
            low = low or high
            told[name] = (int(word), int(low), int(high) - int(low) + 1)
    assert told == FIELDS


def test_no_bit_of_a_command_belongs_to_two_fields() -> None:
    bits = [(word, bit) for word, low, count in FIELDS.values() for bit in range(low, low + count)]
    assert len(set(bits)) == len(bits)
    assert all(word < COMMAND_WORDS and bit < 64 for word, bit in bits)


def test_the_readmes_registers_are_those_of_the_driver_and_the_simulator() -> None:
    known = {register.name: int(register) for register in Register}
    told = re.findall(r"^\| (0x[0-9A-F]{2}) \| (\w+) \|", README, re.MULTILINE)
    assert {name: int(offset, 16) for offset, name in told} == known
    names = re.findall(r'"([A-Z_]+)"', HEADER)
    assert {name: 4 * number for number, name in enumerate(names)} == known
    for camel, offset in re.findall(r"\bk(\w+) = (0x[0-9a-f]{2}),", HEADER):
        assert known[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", camel).upper()] == int(offset, 16)
