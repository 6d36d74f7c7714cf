"""One module in Icarus Verilog: given its inputs in every cycle, what its outputs are in every cycle."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlk.hw.sim.build import modules

BENCH = """
module bench;
  reg clock = 0;
  reg [{in_width}-1:0] stimulus[0:{cycles}-1];
  wire [{out_width}-1:0] outputs;
  reg [{in_width}-1:0] inputs = 0;
{wires}
  {top} #({parameters}) dut (.clock(clock){ports});
  integer i;
  initial begin
    $readmemh("{file}", stimulus);
    for (i = 0; i < {cycles}; i = i + 1) begin
      inputs = stimulus[i];
      #1 $display("%b", outputs);
      clock = 1;
      #1 clock = 0;
    end
    $finish;
  end
endmodule
"""

Cycle = Mapping[str, int]
Seen = dict[str, int | None]


def run(
    directory: Path, top: str, inputs: Mapping[str, int], outputs: Mapping[str, int], cycles: Sequence[Cycle],
    parameters: Mapping[str, int] | None = None,
) -> list[Seen]:  # fmt: skip
    """Return the outputs of a module in each cycle, before its edge; None where a bit is not known.

    Args:
        directory: for the bench and its files.
        top: the module; its clock is called ``clock``.
        inputs, outputs: bits of each port.
        cycles: inputs of each cycle; a port that is absent keeps 0.
        parameters: of the module.
    """
    in_width, out_width = sum(inputs.values()), sum(outputs.values())
    wires, position = [], in_width
    for name, bits in inputs.items():
        position -= bits
        wires.append(f"  wire [{bits}-1:0] {name} = inputs[{position}+:{bits}];")
    wires += [f"  wire [{bits}-1:0] {name};" for name, bits in outputs.items()]
    wires.append(f"  assign outputs = {{{', '.join(outputs)}}};")
    stimulus = directory / f"{top}.hex"
    stimulus.write_text("".join(f"{_packed(inputs, cycle):0{-(-in_width // 4)}x}\n" for cycle in cycles))
    bench = directory / f"{top}_bench.sv"
    bench.write_text(
        BENCH.format(
            in_width=in_width, out_width=out_width, cycles=len(cycles), wires="\n".join(wires), top=top, file=stimulus,
            parameters=", ".join(f".{name}({value})" for name, value in (parameters or {}).items()),
            ports="".join(f", .{name}({name})" for name in [*inputs, *outputs]),
        )
    )  # fmt: skip
    program = directory / f"{top}.vvp"
    subprocess.run(
        ["iverilog", "-g2012", "-s", "bench", "-o", str(program), str(bench), *map(str, modules())], check=True
    )
    lines = subprocess.run(["vvp", "-n", str(program)], check=True, capture_output=True, text=True).stdout.split()
    lines = lines[: len(cycles)]
    assert len(lines) == len(cycles)
    return [_unpacked(outputs, line) for line in lines]


def _packed(ports: Mapping[str, int], values: Cycle) -> int:
    assert set(values) <= set(ports), set(values) - set(ports)
    packed = 0
    for name, bits in ports.items():
        value = int(values.get(name, 0))
        assert 0 <= value < 1 << bits, (name, value)
        packed = packed << bits | value
    return packed


def _unpacked(ports: Mapping[str, int], line: str) -> Seen:
    assert len(line) == sum(ports.values())
    position, seen = 0, {}
    for name, bits in ports.items():
        text = line[position : position + bits]
        seen[name] = int(text, 2) if set(text) <= {"0", "1"} else None
        position += bits
    return seen
