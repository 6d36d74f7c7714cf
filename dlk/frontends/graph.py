"""Any graph file that is supported, as a model in the contract of the export, and where its layers are to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.frontends.contract import Tap, to_nhwc
from dlk.frontends.foreign_onnx import ForeignOnnx
from dlk.frontends.graphdef import GraphDef
from dlk.frontends.own_onnx import is_own, own
from dlk.frontends.qonnx import expanded
from dlk.frontends.support import refuse
from dlk.frontends.translate import Translated
from dlk.frontends.values import NHWC, N
from dlk.ir.files import read_bytes, read_model

TENSORFLOW, ONNX = "tensorflow", "onnx"


@dataclass(frozen=True, slots=True)
class End:
    """The input or the output of the foreign graph: its tensor, and its axes in terms of NCHW.

    picture: the shape, in this order of axes, that it had before the graph flattened it; else none.
    """

    tensor: str
    axes: tuple[int, ...]
    picture: tuple[int, ...] = ()

    def nhwc(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the foreign tensor as [N, H, W, C]."""
        shape = (len(values), *self.picture) if self.picture else values.shape
        return to_nhwc(values.reshape(shape), self.axes)

    def foreign(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return [N, H, W, C] as the foreign tensor's [N, C, H, W], or unchanged."""
        return values.transpose([NHWC.index(axis) for axis in self.axes])


@dataclass(frozen=True, slots=True)
class Imported:
    """A foreign graph. model: in the contract of the export; kind: what runs the original; taps: of its layers' codes.

    notes: what a person should know, one sentence each. runnable: the original for any ONNX runtime, where it is ONNX.
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
    graph = GraphDef(read_bytes(path), where=str(path), input_shape=input_shape)
    ends = (End(f"{graph.input}:0", graph.axes), graph.output)
    return _imported(path, TENSORFLOW, "TensorFlow", ends, graph.translate())


def _onnx(path: Path, input_shape: Sequence[int] | None) -> Imported:
    model = read_model(path, fix="export it again, with the weights inside")
    if not is_own(model):
        return _foreign_onnx(path, model, input_shape)
    taps = own(model, str(path))
    _, height, width, _ = (dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim)
    source, result = model.graph.input[0].name, model.graph.output[0].name
    return Imported(model, ONNX, End(source, NHWC), End(result, NHWC), taps, (height, width), (), model)


def _foreign_onnx(path: Path, model: onnx.ModelProto, input_shape: Sequence[int] | None) -> Imported:
    graph = ForeignOnnx(model, where=str(path), input_shape=input_shape)
    ends = (End(graph.input, graph.axes), graph.output)
    imported = _imported(path, ONNX, model.producer_name, ends, graph.translate())
    return replace(imported, runnable=expanded(model))


def _imported(path: Path, kind: str, producer: str, ends: tuple[End, str], translated: Translated) -> Imported:
    translator, result = translated.translator, translated.result
    refuse(str(path), translator.problems)
    if result is None:
        raise DlkError("the output does not depend on the input", where=str(path), received=ends[1])
    contract = translator.contract
    model = contract.model(translated.source, result, network=path.stem, producer=producer)
    _, height, width = translated.source.shape
    notes = tuple(contract.notes)
    end = End(ends[1], result.axes)
    if result.flat:
        end = End(ends[1], (N, *result.flat), tuple((1, *result.shape)[axis] for axis in result.flat))
        notes = (*notes, "the graph flattens its output; the libraries give it as a picture")
    return Imported(model, kind, ends[0], end, tuple(contract.taps), (height, width), notes)
