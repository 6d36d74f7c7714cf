"""The layers of a Keras network in the order of their calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from lmnet.errors import LmnetError


@dataclass(frozen=True, slots=True)
class Call:
    """One layer of the model and the names of the layers that feed it, in order; None stands for the model's input."""

    layer: keras.layers.Layer
    sources: tuple[str | None, ...]


def walk(model: keras.Model) -> list[Call]:
    """Return the calls of a network with one input and one output, each after those that feed it, the output's last.

    Raises:
        LmnetError: a layer is called twice, or with more than one tensor or list of tensors; it is named.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise _refused(model, "it has several inputs or outputs")
    made_by: dict[int, str] = {}
    calls: list[Call] = []
    alive: list[Any] = []  # so that no id is used twice

    def record(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        if layer.name in made_by.values():
            raise _refused(layer, "it is called more than once")
        tensors = _tensors(args)
        if len(args) != 1 or not tensors or _tensors(kwargs):
            raise _refused(layer, "it takes more than one tensor or list of tensors")
        output = layer(*args, **kwargs)
        calls.append(Call(model.get_layer(layer.name), tuple(made_by.get(id(tensor)) for tensor in tensors)))
        made_by[id(output)] = layer.name
        alive.append(output)
        return output

    # The clone is made for its calls alone: the public API tells their order and arguments in no other way.
    keras.models.clone_model(model, call_function=record)
    return calls


def _tensors(arguments: Any) -> list[keras.KerasTensor]:
    return [value for value in keras.tree.flatten(arguments) if isinstance(value, keras.KerasTensor)]


def _refused(layer: keras.layers.Layer, reason: str) -> LmnetError:
    return LmnetError(
        f"The layer {layer.name} cannot be exported: {reason}.",
        where=f"layer {layer.name} ({type(layer).__name__})",
        expected="one input, one output, and layers that are each called once with a tensor or a list of tensors",
        fix="build the network with one layer a call",
    )
