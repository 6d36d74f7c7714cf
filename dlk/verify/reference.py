"""The reference: model.onnx executed as exported, in numpy, by the definition and by nothing else.

No pass, threshold or folded value of the converter is used here, so that a wrong one cannot hide. Between quantized
layers the reference holds codes; what pools, joins, parts, pads or moves them gives the codes that the graph's values
would give. What computes with floats reads their values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.errors import DlkError
from dlk.ir.files import read_model
from dlk.verify.reference_floats import ROUNDING, Mean, Pointwise, Softmax
from dlk.verify.reference_graph import Layer, Node, Norm, Quantizer, needed_for, read_graph
from dlk.verify.reference_layer import ExecutableLayer, ExecutableNorm, LayerCodes
from dlk.verify.reference_ops import Concat, Floats, Move, Pad, Pool, Split, flushed

__all__ = ["INPUT", "OUTPUT", "LayerCodes", "Reference"]

INPUT = "input"
OUTPUT = "output"

Arrays = dict[str, NDArray[Any]]
Doubles = NDArray[np.float64]
Errors = dict[str, Doubles | None]


_COMMUTING = (Move, Pool, Concat, Split, Pad)
_FLOATS = None  # the kind of a value that is no code


class Reference:
    """An executor like any other: ``run`` and ``trace`` on float32 [H, W, 3]."""

    name = "reference"

    def __init__(self, path: Path) -> None:
        self._graph = read_graph(read_model(path))
        self._layers: dict[str, ExecutableLayer] = {}
        self._nodes: dict[str, Node] = {}
        self._kinds: dict[str, Quantizer | None] = {self._graph.input: _FLOATS}
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
        return tuple(
            name
            for name, node in self._nodes.items()
            if isinstance(node.does, Pool | Pad | Concat) and self._kinds[node.makes[0]] is not _FLOATS
        )

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
        errors: Errors = {}
        for node in self._before(layer):
            made = self._apply(node, given)
            errors.update(zip(node.makes, self._errors(node, given, errors, made), strict=True))
            given.update(zip(node.makes, made, strict=True))
        (values,) = self._parts(layer, given)
        return executable.judge(values, executable.layer.quantizer, errors.get(layer.reads[0]))

    @property
    def _makers(self) -> dict[str, str]:
        """Return by value which layer made it, or ``input``; for the values where a layer's input begins."""
        layers = {self._nodes[name].makes[0]: name for name in self.quantized_layers}
        return {self._graph.input: INPUT, **layers}

    def _before(self, layer: Node) -> tuple[Node, ...]:
        """Return what stands between the layer and its sources."""
        return needed_for(self._graph.nodes, layer.reads, given=self._makers)

    def _kind_of(self, node: Node) -> Quantizer | None:
        """Return what the node makes, and make a layer ready."""
        kinds = {value: self._kinds[value] for value in node.reads}
        if isinstance(node.does, Norm):
            self._layers[node.name] = ExecutableNorm(node.does)
            return node.does.quantizer
        if isinstance(node.does, Layer):
            binary = node.does.scaling or node.does.scale is not None
            source = kinds[node.reads[0]] if binary else _FLOATS
            self._layers[node.name] = ExecutableLayer(node.name, node.does, source)
            return node.does.quantizer
        if not isinstance(node.does, _COMMUTING) or _FLOATS in kinds.values():
            return _FLOATS
        if len(set(kinds.values())) > 1:
            told = ", ".join(f"{value}: {kind}" for value, kind in kinds.items())
            raise DlkError("codes of different meaning are joined", where=node.name, received=told)
        return kinds[node.reads[0]]

    def _parts(self, node: Node, made: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return what the node reads: codes where it computes with codes, else floats."""
        executable = self._layers.get(node.name)
        codes = executable.source is not None if executable else self._kinds[node.makes[0]] is not _FLOATS
        return [made[value] if codes else self._floats(value, made[value]) for value in node.reads]

    def _floats(self, value: str, array: NDArray[Any]) -> Floats:
        """Return the float32 values of a tensor."""
        kind = self._kinds[value]
        if kind is None:
            return array
        steps = np.arange(kind.n + 1, dtype=np.float64)
        return (steps * kind.max_value / kind.n).astype(np.float32)[array.astype(np.intp)]

    def _apply(self, node: Node, made: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Do what a node does."""
        parts = self._parts(node, made)
        if node.name in self._layers:
            return [self._layers[node.name].run(parts[0])]
        assert not isinstance(node.does, Layer | Norm)  # noqa: S101 - they are among the layers
        return node.does(parts)

    def _errors(self, node: Node, made: Arrays, errors: Errors, results: list[NDArray[Any]]) -> list[Doubles | None]:
        """Return by how much the node's floats may differ from another implementation's; None: not at all."""
        if self._kinds[node.makes[0]] is not _FLOATS:
            return [None] * len(node.makes)
        parts = self._parts(node, made)
        if node.name in self._layers:
            return [self._layers[node.name].errors(parts[0], errors.get(node.reads[0]))]
        filled = [
            _carried(part, self._kinds[value], errors.get(value)) for value, part in zip(node.reads, parts, strict=True)
        ]
        if isinstance(node.does, Pointwise | Mean | Softmax):
            return [*node.does.errors(parts, filled, results)]
        assert isinstance(node.does, _COMMUTING)  # noqa: S101 - there are no others
        return [*node.does(filled)]

    def _execute(self, values: Floats) -> Iterator[tuple[str, NDArray[Any]]]:
        traced = {*self.quantized_layers, *self.derived}
        made: Arrays = {self._graph.input: self._checked(values)}
        for node in self._graph.nodes:
            made.update(zip(node.makes, self._apply(node, made), strict=True))
            if node.name in traced:
                yield node.name, made[node.makes[0]]
        yield OUTPUT, self._floats(self._graph.output, made[self._graph.output])

    def _checked(self, values: NDArray[np.generic]) -> Floats:
        shape = self._graph.input_shape
        if values.shape != shape or values.dtype != np.float32 or not np.all(np.isfinite(values)):
            raise DlkError(
                "the reference cannot run on this input",
                expected=f"finite float32 {list(shape)}",
                received=f"{values.dtype} {list(values.shape)}",
            )
        return flushed(values.astype(np.float32))


def _carried(part: NDArray[Any], kind: Quantizer | None, error: Doubles | None) -> Doubles:
    """Return what floats may differ by: those that are values of codes by a rounding or two."""
    if error is not None:
        return error
    return np.zeros(part.shape) if kind is _FLOATS else ROUNDING * np.abs(part.astype(np.float64))
