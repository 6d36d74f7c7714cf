"""From the nodes of a foreign graph, one after the other, to a graph in the contract of the export.

A frontend gives the nodes and a table of operators; what depends on constants alone is computed here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlk.frontends.contract import Contract
from dlk.frontends.support import Problem
from dlk.frontends.values import C, H, RefusedError, Value, W, need

Constant = NDArray[Any]
Tensor = Value | Constant
_MOST_FOLDED = 1 << 28  # elements of a constant


def need_size(elements: int) -> None:
    """Refuse a constant of too many elements."""
    need(elements <= _MOST_FOLDED, f"a constant of {elements} elements", "constants are of moderate size")


@dataclass(frozen=True, slots=True)
class Foreign:
    """A node of a foreign graph; inputs and outputs are names of tensors, '' where an input is left out."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


Operator = Callable[["Translator", Foreign], Tensor | Sequence[Tensor]]
Fold = Callable[[Foreign, list[Constant]], Constant]


@dataclass(frozen=True, slots=True)
class Translated:
    """A whole graph: the translator that holds it, the input, and the output where nothing is in the way of it."""

    translator: Translator
    source: Value
    result: Value | None


class Translator:
    """Goes through the nodes in order of execution; ``problems`` are those that cannot be converted."""

    def __init__(self, operators: Mapping[str, Operator], folds: Mapping[str, Fold], constants: Mapping[str, Constant]):
        self.contract = Contract()
        self.tensors: dict[str, Tensor] = {}
        self.problems: list[Problem] = []
        self._operators, self._folds = operators, folds
        self._readers: Counter[str] = Counter()
        self._names: defaultdict[int, list[str]] = defaultdict(list)  # of a tensor, by its id
        self._seen: Counter[int] = Counter()
        for name, constant in constants.items():
            self._add(name, constant)

    def run(
        self, nodes: Sequence[Foreign], source: str, axes: tuple[int, ...], shape: Sequence[int], output: str
    ) -> Translated:
        """Translate all nodes; what reads a tensor that could not be made is passed over.

        source, output: names of tensors; axes: the source's axis i is our axis ``axes[i]``; shape: the source's.
        """
        sizes = dict(zip(axes, shape, strict=True))
        begun = self.contract.begin(axes, (sizes[C], sizes[H], sizes[W]))
        self._add(source, begun)
        for node in nodes:
            self._readers.update(name for name in node.inputs if name)
        self._readers[output] += 1
        for node in nodes:
            self._translate(node)
        result = self.tensors.get(output)
        return Translated(self, begun, result if isinstance(result, Value) else None)

    def _add(self, name: str, tensor: Tensor) -> None:
        self.tensors[name] = tensor
        self._names[id(tensor)].append(name)

    def value(self, node: Foreign, index: int = 0) -> Value:
        """Return an input that must not be a constant."""
        tensor = self.tensors[node.inputs[index]]
        if not isinstance(tensor, Value):
            raise RefusedError("it computes with constants alone", "an operator works on what the network computes")
        return tensor

    def settled(self, node: Foreign, index: int = 0) -> Value:
        """Return an input that is about to get a second name; what is still to do is done where others read it too."""
        value = self.value(node, index)
        if not self.alone(node, index):
            self.contract.finish(value)
        return value

    def constant(self, node: Foreign, index: int) -> Constant:
        """Return an input that must be a constant."""
        tensor = self.tensors[node.inputs[index]]
        if isinstance(tensor, Value):
            raise RefusedError(f"its input {index} is no constant", "weights and parameters are constants")
        return tensor

    def has(self, node: Foreign, index: int) -> bool:
        """Return whether the node has this input."""
        return index < len(node.inputs) and bool(node.inputs[index])

    def is_constant(self, node: Foreign, index: int) -> bool:
        """Return whether this input is a constant."""
        return not isinstance(self.tensors[node.inputs[index]], Value)

    def alone(self, node: Foreign, index: int = 0) -> bool:
        """Return whether nothing but this node reads the input; also where it has several names."""
        return self._uses(node.inputs[index]) == 1

    def _uses(self, name: str) -> int:
        number = id(self.tensors[name])
        return sum(self._readers[other] for other in self._names[number]) - self._seen[number]

    def same(self, value: Tensor) -> Tensor:
        """Return what an operator passes on unchanged; it counts as no reader."""
        self._seen[id(value)] += 1
        return value

    def _translate(self, node: Foreign) -> None:
        missing = [name for name in node.inputs if name and name not in self.tensors]
        if missing:
            if node.op not in self._operators and node.op not in self._folds:
                self._refuse(node, f"{node.op} is not supported", "the table of operators in docs/graphs.md")
            return
        given = [self.tensors[name] for name in node.inputs if name]
        try:
            constants = [tensor for tensor in given if not isinstance(tensor, Value)]
            if len(constants) == len(given) and node.op in self._folds:
                made: Tensor | Sequence[Tensor] = self._fold(node, constants)
            else:
                known = node.op in self._operators
                need(known, f"{node.op} is not supported", "the table of operators in docs/graphs.md")
                made = self._operators[node.op](self, node)
        except RefusedError as error:
            self._refuse(node, error.reason, error.rule)
            return
        except (IndexError, KeyError, TypeError, ValueError) as error:
            self._refuse(node, f"{node.op} is not written as it should be: {error!r}", "attributes as the operator has")
            return
        results = [made] if isinstance(made, Value | np.ndarray) else list(made)
        for name, tensor in zip(node.outputs, results, strict=False):
            self._add(name, tensor)

    def _fold(self, node: Foreign, constants: list[Constant]) -> Constant:
        with np.errstate(all="ignore"):  # NaN and infinity are refused where they are read
            folded = np.asanyarray(self._folds[node.op](node, constants))  # kernels know what they are made of
        need_size(folded.size)
        return folded

    def _refuse(self, node: Foreign, reason: str, rule: str) -> None:
        self.problems.append(Problem(node.name, reason, rule, "change the graph"))
