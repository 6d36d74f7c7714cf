"""Start a network from the weights of another one: its float twin, or the same network on other data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras

from lmnet.errors import LmnetError
from lmnet.training import checkpoints


def copy_weights(path: Path, model: keras.Model, classes: Sequence[str]) -> None:
    """Give a network the weights of a checkpoint, layer by layer of the same name.

    Where the checkpoint learned other classes, layers of another shape keep their new weights: those depend on the
    number of classes.

    Args:
        path: folder of the checkpoint, ``save.ckpt-N``.
        model: changed in place.
        classes: those that the network shall learn.

    Raises:
        LmnetError: the checkpoint cannot be read, or its network is another one.
    """
    source, state = checkpoints.load(path, compiled=False)
    known = {layer.name: layer.get_weights() for layer in source.layers}
    other_classes = state.classes != tuple(classes)
    strange = []
    for layer in model.layers:
        wanted, found = layer.get_weights(), known.get(layer.name, [])
        if [weight.shape for weight in wanted] == [weight.shape for weight in found]:
            layer.set_weights(found)
        elif not (other_classes and found):
            strange.append(layer.name)
    if strange:
        raise LmnetError(
            f"The network cannot start from the checkpoint {path.name}.",
            where=str(path),
            expected=f"the layers of {model.name}",
            received=f"{state.network}, where {', '.join(strange)} {'differ' if len(strange) > 1 else 'differs'}",
            fix=f"take a checkpoint of {model.name} or of its float twin as WARM_START, or none",
        )
