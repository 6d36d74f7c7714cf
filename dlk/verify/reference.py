"""The reference: model.onnx executed as exported, in numpy, by the definition and by nothing else.

No pass, threshold or folded value of the converter is used here, so that a wrong one cannot hide. Between layers the
reference holds codes; what pools, joins, parts, pads or moves them gives the same codes as the graph's values would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.ir.files import read_model
from dlk.verify.reference_graph import Layer, Node, Quantizer, needed_for, read_graph
from dlk.verify.reference_layer import ExecutableLayer, LayerCodes
from dlk.verify.reference_ops import Concat, Floats, Move, Pad, Pool, flushed

__all__ = ["INPUT", "OUTPUT", "LayerCodes", "Reference"]

INPUT = "input"
OUTPUT = "output"

Arrays = dict[str, NDArray[Any]]


class _Float(Enum):
    """Where floats come from."""

    IMAGE = "the image"
    LOGITS = "a layer without activation quantizer"


class Reference:
    """An executor like any other: ``run`` and ``trace`` on float32 [H, W, 3]."""

    name = "reference"

    def __init__(self, path: Path) -> None:
        self._graph = read_graph(read_model(path))
        self._layers: dict[str, ExecutableLayer] = {}
        self._nodes: dict[str, Node] = {}
        self._kinds: dict[str, Quantizer | _Float] = {self._graph.input: _Float.IMAGE}
        for node in self._graph.nodes:
            if node.name in self._nodes or node.name in (INPUT, OUTPUT):
                raise DlkError("the reference needs a name of its own for each layer", where=node.name)
            self._nodes[node.name] = node
            self._kinds.update(dict.fromkeys(node.makes, self._kind_of(node)))

    @property
    def quantized_layers(self) -> tuple[str, ...]:
        """Return the names of the layers that give codes by weights of their own, in execution order."""
        return tuple(name for name, executable in self._layers.items() if executable.layer.quantizer is not None)

    @property
    def derived(self) -> tuple[str, ...]:
        """Return the names of what the trace holds beside layers: codes that follow from those of layers alone."""
        return tuple(name for name, node in self._nodes.items() if isinstance(node.does, Pool | Pad | Concat))

    def sources(self, name: str) -> tuple[str, ...]:
        """Return the layers whose codes the layer reads, or ``input``, in execution order."""
        layer, makers = self._nodes[name], self._makers
        read = {value for node in (layer, *self._before(layer)) for value in node.reads}
        return tuple(maker for value, maker in makers.items() if value in read)

    def run(self, values: Floats) -> Floats:
        """Return the output, float32 [H, W, C]."""
        return self.trace(values)[OUTPUT]

    def trace(self, values: Floats) -> Arrays:
        """Return the codes (uint8) of every quantized layer and of ``derived``, in order, then ``output`` (float32)."""
        return dict(self._execute(values))

    def layer_codes(self, name: str, codes: Mapping[str, NDArray[Any]]) -> LayerCodes:
        """Compute one quantized layer alone.

        codes: of each of ``self.sources(name)`` as that layer gave them (what stands between them and this layer is
        done here); the float32 network input for ``input``.
        """
        executable, layer = self._layers[name], self._nodes[name]
        if executable.layer.quantizer is None:
            raise DlkError("the layer gives no codes", where=name)
        makers = self._makers
        given: Arrays = {value: codes[maker] for value, maker in makers.items() if maker in codes}
        if self._graph.input in given:
            given[self._graph.input] = self._checked(given[self._graph.input])
        for node in self._before(layer):
            given.update(zip(node.makes, _apply(node, given), strict=True))
        return executable.judge(given[layer.reads[0]], executable.layer.quantizer)

    @property
    def _makers(self) -> dict[str, str]:
        """Return by value which layer made it, or ``input``; for the values where a layer's input begins."""
        layers = {self._nodes[name].makes[0]: name for name in self.quantized_layers}
        return {self._graph.input: INPUT, **layers}

    def _before(self, layer: Node) -> tuple[Node, ...]:
        """Return what stands between the layer and its sources."""
        return needed_for(self._graph.nodes, layer.reads, given=self._makers)

    def _kind_of(self, node: Node) -> Quantizer | _Float:
        """Return what the node makes, and make a layer ready."""
        kinds = {value: self._kinds[value] for value in node.reads}
        first = kinds[node.reads[0]]
        if isinstance(node.does, Layer):
            if first is _Float.LOGITS:
                raise DlkError("a layer in the middle has no activation quantizer", where=node.reads[0])
            source = first if isinstance(first, Quantizer) else None
            self._layers[node.name] = ExecutableLayer(node.name, node.does, source)
            return node.does.quantizer or _Float.LOGITS
        floats = [kind.value for kind in kinds.values() if isinstance(kind, _Float)]
        if floats and not isinstance(node.does, Move):
            raise DlkError("the reference executes this on codes only", where=node.name, received=floats[0])
        if len(set(kinds.values())) > 1:
            told = ", ".join(f"{value}: {kind}" for value, kind in kinds.items())
            raise DlkError("codes of different meaning are joined", where=node.name, received=told)
        return first

    def _execute(self, values: Floats) -> Iterator[tuple[str, NDArray[Any]]]:
        traced = {*self.quantized_layers, *self.derived}
        made: Arrays = {self._graph.input: self._checked(values)}
        for node in self._graph.nodes:
            if node.name in self._layers:
                made[node.makes[0]] = self._layers[node.name].run(made[node.reads[0]])
            else:
                made.update(zip(node.makes, _apply(node, made), strict=True))
            if node.name in traced:
                yield node.name, made[node.makes[0]]
        output, kind = made[self._graph.output], self._kinds[self._graph.output]
        if isinstance(kind, Quantizer):
            steps = np.arange(kind.n + 1, dtype=np.float64)
            output = (steps * kind.max_value / kind.n).astype(np.float32)[output.astype(np.intp)]
        yield OUTPUT, output

    def _checked(self, values: NDArray[np.generic]) -> Floats:
        shape = self._graph.input_shape
        if values.shape != shape or values.dtype != np.float32 or not np.all(np.isfinite(values)):
            raise DlkError(
                "the reference cannot run on this input",
                expected=f"finite float32 {list(shape)}",
                received=f"{values.dtype} {list(values.shape)}",
            )
        return flushed(values.astype(np.float32))


def _apply(node: Node, made: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Do what a node that is no layer does."""
    assert not isinstance(node.does, Layer)  # noqa: S101 - layers are run by themselves
    return node.does([made[value] for value in node.reads])
