"""An executor on an emulated machine whose accelerator is simulated on this one, which is quicker by far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dlk.hw.sim.serve import Server
from dlk.verify.executors import OUTPUT, Floats, ProgramExecutor, Trace

VARIABLE = "DLK_FPGA_SIM_SERVER"


class ServedExecutor:
    """Runs ``make(variables)``, an executor with these variables in its environment, with a server beside it."""

    def __init__(self, name: str, make: Callable[[Mapping[str, str]], ProgramExecutor], simulator: Path) -> None:
        self.name = name
        self._make = make
        self._simulator = simulator

    def run(self, values: NDArray[Any]) -> Floats:
        """Return the output; raises VerificationError when the program fails."""
        output: Floats = self.trace(values)[OUTPUT]
        return output

    def trace(self, values: NDArray[Any]) -> Trace:
        """Return every layer's codes and the output; raises VerificationError when the program fails."""
        with Server(self._simulator) as server:
            return self._make({VARIABLE: str(server.address)}).trace(values)
