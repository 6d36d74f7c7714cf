"""Branches of TensorFlow 1 whose predicate is a constant, as dropout leaves them: only what is taken stays.

``Switch`` gives its data to output 0 where the predicate is false, else to output 1; what depends on the other one is
dead, and ``Merge`` passes on the input that is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_PASSED_ON = ("Identity", "PlaceholderWithDefault", "StopGradient")
_BOOL = 10


def taken(nodes: Sequence[Any], named: Mapping[str, Any]) -> dict[str, str]:
    """Return what each Switch and Merge of a constant predicate passes on: a tensor, by the name of theirs.

    nodes: NodeDefs, each after what it reads, control inputs too; named: by name.
    """
    dead: set[str] = set()
    found: dict[str, str] = {}
    for node in nodes:
        reads = list(node.input)
        outputs = [f"{node.name}:0", f"{node.name}:1"]
        if node.op == "Merge":
            alive = [name for name in reads if _tensor(name) not in dead]
            if not alive:
                dead.update((*outputs, _control(node.name)))
            elif len(alive) == 1 and len(reads) > 1:
                found[outputs[0]] = _tensor(alive[0])
        elif any(_tensor(name) in dead for name in reads):
            dead.update((*outputs, _control(node.name)))
        elif node.op == "Switch" and (value := _predicate(node.input[1], named)) is not None:
            dead.add(outputs[not value])
            found[outputs[value]] = _tensor(node.input[0])
    return found


def _predicate(name: str, named: Mapping[str, Any]) -> bool | None:
    """Return the truth of a constant; None for what is none."""
    turned = False
    for _ in range(len(named)):
        node = named.get(name.partition(":")[0])
        if node is None or node.op not in ("Const", "LogicalNot", *_PASSED_ON):
            return None
        if node.op == "Const":
            tensor = next((entry.value.tensor for entry in node.attr if entry.key == "value"), None)
            if tensor is None or tensor.dtype != _BOOL:
                return None
            truth = any(tensor.bool_val) or any(tensor.tensor_content)
            return truth != turned
        turned ^= node.op == "LogicalNot"
        if not node.input:
            return None
        name = node.input[0]
    return None


def _tensor(name: str) -> str:
    return name if ":" in name or name.startswith("^") else f"{name}:0"


def _control(name: str) -> str:
    return f"^{name}"
