"""Any graph file that is supported, as a model in the contract of the export, and where its layers are to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.frontends.contract import Tap, to_nhwc
from dlk.frontends.foreign_onnx import ForeignOnnx
from dlk.frontends.graphdef import GraphDef
from dlk.frontends.own_onnx import is_own, own
from dlk.frontends.qonnx import expanded, has_quantizers
from dlk.frontends.support import refuse
from dlk.frontends.translate import Translator
from dlk.frontends.values import NHWC, Value
from dlk.ir.files import MAX_BYTES, read_model

TENSORFLOW, ONNX = "tensorflow", "onnx"


@dataclass(frozen=True, slots=True)
class End:
    """The input or the output of the foreign graph: its tensor, and its axes in terms of NCHW."""

    tensor: str
    axes: tuple[int, ...]

    def nhwc(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the foreign tensor as [N, H, W, C]."""
        return to_nhwc(values, self.axes)

    def foreign(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return [N, H, W, C] as the foreign tensor's [N, C, H, W], or unchanged."""
        return values.transpose([NHWC.index(axis) for axis in self.axes])


@dataclass(frozen=True, slots=True)
class Imported:
    """A foreign graph. model: in the contract of the export; kind: what runs the original; taps: of its layers' codes.

    notes: what a person should know, one sentence each. runnable: the original, for any ONNX runtime.
    """

    model: onnx.ModelProto
    kind: str
    source: End
    result: End
    taps: tuple[Tap, ...]
    size: tuple[int, int]
    notes: tuple[str, ...]
    runnable: onnx.ModelProto | None = None


def import_graph(path: Path, *, input_shape: Sequence[int] | None = None) -> Imported:
    """Read a graph file: ONNX where its name ends in ``.onnx``, else a frozen TensorFlow graph.

    input_shape: batch first, where the graph leaves it open. Raises ``DlkError`` with all parts that are in the way.
    """
    if path.suffix == ".onnx":
        return _onnx(path, input_shape)
    return _graphdef(path, input_shape)


def _graphdef(path: Path, input_shape: Sequence[int] | None) -> Imported:
    graph = GraphDef(_read(path), where=str(path), input_shape=input_shape)
    ends = (End(f"{graph.input}:0", graph.axes), graph.output)
    return _imported(path, TENSORFLOW, "TensorFlow", ends, graph.translate())


def _onnx(path: Path, input_shape: Sequence[int] | None) -> Imported:
    model = read_model(path, fix="export it again, with the weights inside")
    if not is_own(model):
        return _foreign_onnx(path, model, input_shape)
    taps = own(model, str(path))
    _, height, width, _ = (dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim)
    source, result = model.graph.input[0].name, model.graph.output[0].name
    return Imported(model, ONNX, End(source, NHWC), End(result, NHWC), taps, (height, width), ())


def _foreign_onnx(path: Path, model: onnx.ModelProto, input_shape: Sequence[int] | None) -> Imported:
    graph = ForeignOnnx(model, where=str(path), input_shape=input_shape)
    translated = graph.translate()
    refuse(str(path), translated[0].problems)
    runnable = expanded(model) if has_quantizers(model) else model
    ends = (End(graph.input, graph.axes), graph.output)
    return _imported(path, ONNX, model.producer_name, ends, translated, runnable)


def _imported(
    path: Path,
    kind: str,
    producer: str,
    ends: tuple[End, str],
    translated: tuple[Translator, Value, Value | None],
    runnable: onnx.ModelProto | None = None,
) -> Imported:
    translator, source, result = translated
    refuse(str(path), translator.problems)
    if result is None:
        raise DlkError("the output does not depend on the input", where=str(path), received=ends[1])
    contract = translator.contract
    model = contract.model(source, result, network=path.stem, producer=producer)
    _, height, width = source.shape
    end = End(ends[1], result.axes)
    notes = tuple(contract.notes)
    return Imported(model, kind, ends[0], end, tuple(contract.taps), (height, width), notes, runnable)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DlkError(
                "the graph file is too large",
                where=str(path),
                expected=f"at most {MAX_BYTES} bytes",
                received=f"{size} bytes",
            )
        return path.read_bytes()
    except OSError as error:
        raise DlkError(f"the graph file cannot be read: {error.strerror}", where=str(path)) from error
