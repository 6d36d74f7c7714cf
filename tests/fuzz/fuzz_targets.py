"""The table of fuzz targets. A new one is a function from a folder to work in to a ``Run``, and a row."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from fuzz_reader import Run

HERE = Path(__file__).parent
LEAST = 20_000
"""Inputs of every target in a whole campaign, at least."""


@dataclass(frozen=True, slots=True)
class Target:
    """One target.

    Attributes:
        name: of the target, and of its folder in ``seeds``.
        maker: ``module:function``; none: the driver of the C API, a program of its own.
        share: inputs of a million.
        largest: bytes of an input.
    """

    name: str
    maker: str | None
    share: int
    largest: int = 4096

    @property
    def seeds(self) -> Path:
        """The folder of the inputs that it starts from, and of those that once brought a fault to light."""
        return HERE / "seeds" / self.name

    def make(self, folder: Path) -> Run:
        """Return the function that runs one input; it may change what is in ``folder``."""
        assert self.maker is not None
        module, function = self.maker.split(":")
        return getattr(importlib.import_module(module), function)(folder)


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("c_api", None, 400_000, 512),
        Target("yaml_config", "fuzz_configs:yaml_config", 70_000),
        Target("python_config", "fuzz_configs:python_config", 50_000),
        Target("answers", "fuzz_configs:answers", 60_000),
        Target("lists", "fuzz_data:lists", 50_000, 2048),
        Target("pictures", "fuzz_data:pictures", 50_000),
        Target("image", "fuzz_data:image", 60_000),
        Target("meta", "fuzz_package:meta", 70_000),
        Target("library", "fuzz_package:library", 40_000, 512),
        Target("zoo", "fuzz_networks:zoo", 40_000),
        Target("experiment", "fuzz_networks:experiment", 30_000, 2048),
        Target("onnx_bytes", "fuzz_networks:onnx_bytes", 30_000, 16384),
        Target("graphdef", "fuzz_networks:graphdef", 30_000, 16384),
        Target("onnx_graph", "fuzz_networks:onnx_graph", 20_000, 64),
    )
}
