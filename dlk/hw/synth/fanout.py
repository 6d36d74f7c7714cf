"""How many pins each data net of the array drives, from yosys' netlists of one group and of the array around it.

What the clock, a reset or a control port makes alone is control: it may drive many pins, and Quartus puts it on a
network of its own or copies its register. Everything that a data port reaches is data.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlk.hw.sim.build import RTL
from dlk.hw.synth.report import synthesise

GROUP, ARRAY = "dlk_group", "dlk_array"
MOST = 64
"""Pins that no data net may reach."""
DATA = frozenset(
    ("act", "act_in", "act_out", "total_in", "total_out", "word_in", "word_out", "weight_write_data",
     "threshold_write_data")
)  # fmt: skip
"""Ports of data; all others are control."""

Netlist = Mapping[str, Any]
Pins = Mapping[str, Sequence[int]]
"""Of a module that is a box in another: the pins inside of it on each bit of each port."""


@dataclass(frozen=True, slots=True)
class Net:
    """A net of one bit, where it is, and the cells' and the module's pins that it drives."""

    module: str
    name: str
    pins: int


def measure(directory: Path) -> list[Net]:
    """Return the data nets of a group and of the array's own registers, the widest first. Raises DlkError, no yosys.

    In the array, a net that goes into groups counts what it drives in there.
    """
    group = _netlist(directory, GROUP, ())
    boxes = {GROUP: pins_inside(group)}
    array = _netlist(directory, ARRAY, (GROUP,))
    return sorted(data_nets(GROUP, group) + data_nets(ARRAY, array, boxes), key=lambda net: -net.pins)


def data_nets(name: str, module: Netlist, boxes: Mapping[str, Pins] | None = None) -> list[Net]:
    """Return the data nets of one module; an output port is one pin."""
    pins = _pins(module, boxes or {})
    for port in module["ports"].values():
        if port["direction"] == "output":
            pins.update(_nets(port["bits"]))
    names = _names(module)
    return [Net(name, names.get(bit, f"net {bit}"), pins[bit]) for bit in sorted(_data(module))]


def pins_inside(module: Netlist) -> Pins:
    """Return what each bit of each port drives inside of a module."""
    pins = _pins(module, {})
    return {name: [pins[bit] for bit in port["bits"]] for name, port in module["ports"].items()}


def _netlist(directory: Path, top: str, boxes: Sequence[str]) -> Netlist:
    target = directory / f"{top}.netlist.json"
    files = [path for path in sorted(RTL.glob("*.sv")) if path.stem not in boxes]
    synthesise(directory, top, files, boxes=[RTL / f"{name}.sv" for name in boxes], netlist=target)
    found: Netlist = json.loads(target.read_text())["modules"][top]
    return found


def _pins(module: Netlist, boxes: Mapping[str, Pins]) -> Counter[int]:
    """Count the pins of cells on each net. A box counts with its inside, on the nets that it drives too."""
    pins: Counter[int] = Counter()
    for cell in module["cells"].values():
        inside = boxes.get(cell["type"])
        for port, bits in cell["connections"].items():
            if inside is not None:
                weights = inside[port]
            else:
                weights = [int(cell["port_directions"][port] == "input")] * len(bits)
            for bit, weight in zip(bits, weights, strict=True):
                if isinstance(bit, int):
                    pins[bit] += weight
    return pins


def _data(module: Netlist) -> set[int]:
    """Return all nets that data reach."""
    data = {bit for name, port in module["ports"].items() if name in DATA for bit in _nets(port["bits"])}
    cells = []
    for cell in module["cells"].values():
        ends: dict[str, set[int]] = {"input": set(), "output": set()}
        for port, bits in cell["connections"].items():
            if cell["type"] == GROUP and cell["port_directions"][port] == "output":
                data |= _nets(bits) if port in DATA else set()
            elif cell["type"] != GROUP:
                ends[cell["port_directions"][port]] |= _nets(bits)
        cells.append((ends["input"], ends["output"]))
    before = -1
    while before != len(data):
        before = len(data)
        for inputs, outputs in cells:
            if inputs & data:
                data |= outputs
    return data


def _names(module: Netlist) -> dict[int, str]:
    """Return a name of each net, the shortest that is not yosys' own."""
    names: dict[int, str] = {}
    shown = [(name, net["bits"]) for name, net in module["netnames"].items() if not net["hide_name"]]
    for name, bits in sorted(shown, key=lambda item: -len(item[0])):
        names |= {bit: f"{name}[{i}]" if len(bits) > 1 else name for i, bit in enumerate(bits) if isinstance(bit, int)}
    return names


def _nets(bits: Sequence[int | str]) -> set[int]:
    """Return the nets among bits, which constants are too."""
    return {bit for bit in bits if isinstance(bit, int)}
