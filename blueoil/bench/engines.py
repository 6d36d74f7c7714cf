"""Every engine as one row: its name, and how to load it for a number of threads; none where something is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[], object]
THREADS_SYMBOL = "dlk_set_threads"


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine to time.

    kind: "int8", "float32" or the name of our instruction set, which decides its limit; load: threads -> a function
    that runs it once; missing: why it can't run here, else empty.
    """

    name: str
    kind: str
    load: Callable[[int], Run] | None
    missing: str = ""


def peers(height: int, width: int, classes: int) -> list[Engine]:
    """Return the other engines; those whose package is not installed say which command installs it."""
    models = _Models(height, width, classes)
    rows: tuple[tuple[str, str, str, str, Callable[[_Models, int, bool], Run]], ...] = (
        ("LiteRT int8", "int8", "ai_edge_litert", "ai-edge-litert", _litert),
        ("LiteRT float32", "float32", "ai_edge_litert", "ai-edge-litert", _litert),
        ("onnxruntime int8", "int8", "onnxruntime", "onnxruntime", _onnxruntime),
        ("onnxruntime float32", "float32", "onnxruntime", "onnxruntime", _onnxruntime),
        ("OpenVINO int8", "int8", "openvino", "openvino", _openvino),
        ("OpenVINO float32", "float32", "openvino", "openvino", _openvino),
    )
    engines = []
    for name, kind, module, package, load in rows:
        if importlib.util.find_spec(module) is None:
            engines.append(Engine(name, kind, None, f"pip install {package}"))
        else:
            engines.append(Engine(name, kind, _loader(load, models, kind == "int8")))
    return engines


def ours(library: Path, shape: tuple[int, int, int], *, label: str = "blueoil") -> list[Engine]:
    """Return one engine an instruction set of a library; none for those that this machine lacks."""
    from dlk.targets import TARGETS
    from dlk.verify.executors import IsaMissingError, LibraryExecutor

    values = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    engines = []
    for isa in TARGETS["x86"].isas:
        name = f"{label} {isa.name}"

        def load(threads: int, isa_name: str = isa.name) -> Run:
            executor = LibraryExecutor(library, name=isa_name, isa=isa_name, threads=threads)
            return lambda: executor.run(values)

        try:
            load(1)
        except IsaMissingError:
            engines.append(Engine(name, isa.name, None, "not on this machine"))
            continue
        engines.append(Engine(name, isa.name, load))
    return engines


def has_threads(library: Path) -> bool:
    """Whether a library can work on several threads."""
    from dlk.build.elf import read_elf

    return any(symbol.name == THREADS_SYMBOL and symbol.defined for symbol in read_elf(library).symbols)


class _Models:
    """The peers' models, each built when it is first asked for."""

    def __init__(self, height: int, width: int, classes: int) -> None:
        self.size = (height, width, classes)
        self._built: dict[str, Any] = {}

    def litert(self, int8: bool) -> bytes:
        from blueoil.bench.litert_model import litert_models

        if "litert" not in self._built:
            self._built["litert"] = litert_models(*self.size)
        models = self._built["litert"]
        return bytes(models.int8 if int8 else models.float32)

    def onnx(self, int8: bool) -> bytes:
        from blueoil.bench.onnx_model import float_model, int8_model

        if "onnx" not in self._built:
            plain = float_model(*self.size)
            self._built["onnx"] = (plain.SerializeToString(), int8_model(plain).SerializeToString())
        return bytes(self._built["onnx"][int8])

    def image(self) -> Any:
        return np.zeros((1, 3, *self.size[:2]), np.float32)


def _loader(load: Callable[[_Models, int, bool], Run], models: _Models, int8: bool) -> Callable[[int], Run]:
    return lambda threads: load(models, threads, int8)


def _litert(models: _Models, threads: int, int8: bool) -> Run:
    """XNNPACK with every instruction set it finds; int8 in and out, which spares it two conversions."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=models.litert(int8), num_threads=threads)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    interpreter.set_tensor(given["index"], np.zeros(given["shape"], given["dtype"]))
    run: Run = interpreter.invoke
    return run


def _onnxruntime(models: _Models, threads: int, int8: bool) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads would steal others' time
    session = onnxruntime.InferenceSession(models.onnx(int8), options, providers=["CPUExecutionProvider"])
    given = {"image": models.image()}
    return lambda: session.run(None, given)


def _openvino(models: _Models, threads: int, int8: bool) -> Run:
    import openvino

    core = openvino.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "f32",  # what is not int8 stays float32 also where bfloat16 exists
    }
    model = core.compile_model(core.read_model(models.onnx(int8)), "CPU", settings)
    request = model.create_infer_request()
    given = {"image": models.image()}
    return lambda: request.infer(given)
